#include "queue/watch_line.h"

#include <string.h>

static const FeedbackMail mail = {
    .ret = "HDRS", .envid = "a=b\nret=FULL", .listener = "tcp", .user = "web", .from = "a@x.jp", .arrived_ms = 5,
    .header = "Subject: x=y\r\n folded\r\n",
};
static const FeedbackRecipient recipient = { .orcpt = "rfc822;o@x.jp", .notify = "NEVER" };

static void
test_there_and_back(void)
{
    g_autoptr(GString) text = g_string_new(NULL);
    JournalLine line = { .at_ms = 9, .id = "Q1", .account = "main", .recipient = "b@x.jp", .sender = "s@x.jp" };
    FeedbackMail got;
    FeedbackRecipient to;

    watch_line_print(&mail, &recipient, text);
    g_assert_true(watch_line_parse(&line, text->str, &got, &to));
    g_assert_cmpstr(got.ret, ==, "HDRS");
    g_assert_cmpstr(got.envid, ==, "a=b ret=FULL");
    g_assert_cmpstr(got.header, ==, mail.header);
    g_assert_cmpstr(got.from, ==, "a@x.jp");
    g_assert_cmpstr(got.listener, ==, "tcp");
    g_assert_cmpstr(got.user, ==, "web");
    g_assert_cmpstr(got.sender, ==, "s@x.jp");
    g_assert_cmpint(got.arrived_ms, ==, 5);
    g_assert_cmpint(got.delivered_ms, ==, 9);
    g_assert_cmpstr(to.orcpt, ==, "rfc822;o@x.jp");
    g_assert_cmpstr(to.notify, ==, "NEVER");
    g_assert_cmpstr(to.address, ==, "b@x.jp");
}

static void
test_date(void)
{
    g_autoptr(GString) text = g_string_new(NULL);
    JournalLine line = { .at_ms = 9, .id = "Q1", .account = "main", .recipient = "b@x.jp", .sender = "s@x.jp" };
    FeedbackMail got;
    FeedbackRecipient to;

    watch_line_print(&mail, &recipient, text);
    g_autofree char *dated = watch_line_date(text->str, 7);
    g_assert_true(watch_line_parse(&line, dated, &got, &to));
    g_assert_cmpint(got.delivered_ms, ==, 7);
    g_assert_cmpint(got.arrived_ms, ==, 5);
    g_assert_cmpstr(got.envid, ==, "a=b ret=FULL");
    g_assert_cmpstr(got.header, ==, mail.header);
}

static void
test_odd(void)
{
    static const char *const texts[] = { NULL, "", "\n", "\n\n", "=", "x", "x=1", "ret", "ret=", "\nSubject: a" };
    JournalLine line = { .at_ms = 9, .id = "Q1", .account = "main", .recipient = "b@x.jp", .sender = "<>" };

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autofree char *text = g_strdup(texts[i]);
        FeedbackMail got;
        FeedbackRecipient to;
        g_assert_true(watch_line_parse(&line, text, &got, &to));
        g_assert_cmpstr(got.sender, ==, "");
        g_assert_cmpint(got.arrived_ms, ==, 9);
    }
    FeedbackMail got;
    FeedbackRecipient to;
    line.recipient = NULL;
    g_assert_false(watch_line_parse(&line, NULL, &got, &to));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/watch_line/there and back", test_there_and_back);
    g_test_add_func("/watch_line/date", test_date);
    g_test_add_func("/watch_line/odd", test_odd);
    return g_test_run();
}
