#include "provider/cmc_marker.h"

#include "fixture.h"

#include <string.h>

/* Keys that a text makes necessary, separated by |; NULL: the mail can't go by bulk. */
static const struct {
    const char *text, *keys;
} rows[] = {
    { "nothing", "" },
    { "((#a#))", "a" },
    { "((#a#)) ((#b-c#)) ((#a#))", "a|b-c" },
    { "((#a((#b#))", "a((#b|b" },     /* whichever of them a renderer finds */
    { "(((#a#)))", "a" },
    { "((#a", "" },
    { "a#)) ((#b", "" },
    { "((# a #))", " a " },
    { "((#月#))", "月" },
    { "((#a#b#))", "a#b" },
    { "((#name#))", NULL },           /* the recipient's own */
    { "((#Address#))", NULL },
    { "((##))", NULL },
    { "((#a\nb#))", NULL },
};

static char *
keys_of(const Mail *mail, guint recipients)
{
    g_autoptr(GPtrArray) keys = cmc_marker_keys(mail, recipients);

    if (!keys)
        return NULL;
    g_ptr_array_add(keys, NULL);
    return g_strjoinv("|", (char **) keys->pdata);
}

static void
test_keys(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(Mail) mail = fixture_mail("me@x.test", rows[i].text);
        g_autofree char *keys = keys_of(mail, 2);
        g_test_message("%s", rows[i].text);
        g_assert_cmpstr(keys, ==, rows[i].keys);
    }
}

/* Every place that is merged is looked at. */
static void
test_places(void)
{
    g_autoptr(Mail) mail = fixture_mail("me@x.test", "((#text#))");
    MailHeader header = { (char *) "X-A", (char *) "((#header#))" };

    g_free(mail->subject);
    mail->subject = g_strdup("((#subject#))");
    mail->html = g_strdup("((#html#))");
    mail->to_header = g_strdup("((#to#)) <a@x.test>");
    mail->cc_header = g_strdup("((#cc#)) <a@x.test>");
    g_ptr_array_add(mail->headers, &header);
    g_autofree char *keys = keys_of(mail, 2);
    g_assert_cmpstr(keys, ==, "subject|text|html|to|cc|header");
}

static char *
text_with_keys(guint n, guint length)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < n; i++)
        g_string_append_printf(text, "((#%0*u#))\n", (int) length, i);
    return g_string_free(text, FALSE);
}

/* 100 members of an object, name and address among them; values of 5 KB; and what many recipients make of it. */
static void
test_limits(void)
{
    static const struct {
        guint keys, length, recipients;
        bool fits;
    } limits[] = {
        { 98, 4, 2, true },      { 99, 4, 2, false },     { 1, 5114, 2, true },    { 1, 5115, 2, false },
        { 98, 4, 1000, true },   { 98, 100, 1000, false }, { 98, 100, 100, true },
    };

    for (guint i = 0; i < G_N_ELEMENTS(limits); i++) {
        g_autofree char *text = text_with_keys(limits[i].keys, limits[i].length);
        g_autoptr(Mail) mail = fixture_mail("me@x.test", text);
        g_autoptr(GPtrArray) keys = cmc_marker_keys(mail, limits[i].recipients);
        g_assert_cmpint(keys != NULL, ==, limits[i].fits);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cmc-marker/keys", test_keys);
    g_test_add_func("/cmc-marker/places", test_places);
    g_test_add_func("/cmc-marker/limits", test_limits);
    return g_test_run();
}
