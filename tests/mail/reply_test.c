#include "mail/reply.h"

#include <string.h>

static const struct {
    int code;
    const char *dsn, *text, *want;
} rows[] = {
    { 250, "2.1.0", "OK", "250 2.1.0 OK\r\n" },
    { 220, NULL, "mx.test ESMTP", "220 mx.test ESMTP\r\n" },
    { 250, NULL, "mx.test\nPIPELINING\nSIZE 1", "250-mx.test\r\n250-PIPELINING\r\n250 SIZE 1\r\n" },
    { 250, "2.0.0", "queued as <a@x>\n<b@x>\n", "250-2.0.0 queued as <a@x>\r\n250 2.0.0 <b@x>\r\n" },
    { 501, "5.1.3", "bad \r\x1b[2J\tx", "501 5.1.3 bad ??[2J?x\r\n" },
    { 550, "5.1.1", "\xe7\x94\xb0@x \xff \xc2\x85", "550 5.1.1 \xe7\x94\xb0@x ? ?\r\n" },
    { 250, "2.0.0", "", "250 2.0.0 \r\n" },
    { 250, "", "x", "250 x\r\n" },
};

static void
test_print(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GString) out = g_string_new(NULL);
        Reply reply = { 0 };

        reply_set(&reply, rows[i].code, rows[i].dsn, "%s", rows[i].text);
        reply_print(&reply, out);
        g_assert_cmpstr(out->str, ==, rows[i].want);
        reply_clear(&reply);
    }
}

/* Whatever is said, no line is longer than 512 octets, and nothing is lost but blanks. */
static void
test_long(void)
{
    static const char *const units[] = { "word ", "x", "\xe6\x97\xa5", "\xe6\x97\xa5\xe6\x9c\xac " };

    for (guint i = 0; i < G_N_ELEMENTS(units); i++) {
        g_autoptr(GString) text = g_string_new(NULL);
        g_autoptr(GString) out = g_string_new(NULL);
        g_autoptr(GString) joined = g_string_new(NULL);
        Reply reply = { 0 };

        while (text->len < 2000)
            g_string_append(text, units[i]);
        reply_set(&reply, 554, "5.6.0", "%s", text->str);
        reply_print(&reply, out);
        g_auto(GStrv) lines = g_strsplit(out->str, "\r\n", -1);
        guint n = g_strv_length(lines) - 1; /* what follows the last CRLF is empty */
        g_assert_cmpuint(n, >=, 4);
        for (guint j = 0; j < n; j++) {
            g_assert_cmpuint(strlen(lines[j]) + 2, <=, REPLY_LINE_BYTES);
            g_assert_true(g_utf8_validate(lines[j], -1, NULL));
            g_assert_true(g_str_has_prefix(lines[j], j + 1 < n ? "554-5.6.0 " : "554 5.6.0 "));
            g_string_append(joined, lines[j] + strlen("554 5.6.0 "));
        }
        g_string_replace(joined, " ", "", 0);
        g_string_replace(text, " ", "", 0);
        g_assert_cmpstr(joined->str, ==, text->str);
        reply_clear(&reply);
    }
}

static void
test_set_from_itself(void)
{
    Reply reply = { 0 };

    reply_set(&reply, 250, NULL, "a%d", 1);
    reply_set(&reply, 451, "4.3.0", "%s again", reply.text);
    g_assert_cmpstr(reply.text, ==, "a1 again");
    g_assert_cmpint(reply.code, ==, 451);
    reply_clear(&reply);
    g_assert_null(reply.text);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/reply/print", test_print);
    g_test_add_func("/reply/long", test_long);
    g_test_add_func("/reply/set-from-itself", test_set_from_itself);
    return g_test_run();
}
