#include "feedback/target.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#define BOUNCE "From: <>\r\n\r\nThe bounce\r\n.dot\r\n"

static const TargetMail mail = { "0abc", "me@x.jp", BOUNCE, sizeof BOUNCE - 1 };

static void
test_command(void)
{
    static const struct {
        const char *script;
        bool done;
    } rows[] = {
        { "test \"$SENDER\" = me@x.jp && test \"$QUEUE_ID\" = 0abc && test -z \"$HOME\" && grep -q ^.dot", true },
        { "exit 0", true }, /* nobody reads it */
        { "exit 75", false },
        { "kill -9 $$", false },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        const char *argv[] = { "/bin/sh", "-c", rows[i].script, NULL };
        const FeedbackConf conf = { .target = FEEDBACK_TO_COMMAND, .argv = (char **) argv };
        g_autoptr(GError) error = NULL;
        g_assert_cmpint(target_deliver(&conf, &mail, &error), ==, rows[i].done);
        g_assert_cmpint(error == NULL, ==, rows[i].done);
    }
    const char *nobody[] = { "/nonexistent/program", NULL };
    const FeedbackConf conf = { .target = FEEDBACK_TO_COMMAND, .argv = (char **) nobody };
    g_assert_false(target_deliver(&conf, &mail, NULL));
}

static void
test_maildir(void)
{
    g_autofree char *folder = g_dir_make_tmp("shimta-target-XXXXXX", NULL);
    g_autofree char *file = g_strconcat(folder, "/new/0abc.shimta", NULL);
    const FeedbackConf conf = { .target = FEEDBACK_TO_MAILDIR, .target_value = folder };
    g_autofree char *text = NULL;

    for (guint i = 0; i < 2; i++) /* the same bounce is there once */
        g_assert_true(target_deliver(&conf, &mail, NULL));
    g_assert_true(g_file_get_contents(file, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "From: <>\n\nThe bounce\n.dot\n");
    g_unlink(file);
    static const char *const parts[] = { "/tmp", "/new", "/cur", "" };
    for (guint i = 0; i < G_N_ELEMENTS(parts); i++) {
        g_autofree char *path = g_strconcat(folder, parts[i], NULL);
        g_assert_cmpint(g_rmdir(path), ==, 0);
    }
}

static void
test_nobody_there(void)
{
    const FeedbackConf lmtp = { .target = FEEDBACK_TO_LMTP, .target_value = (char *) "/nonexistent/lmtp.sock" };
    const FeedbackConf maildir = { .target = FEEDBACK_TO_MAILDIR, .target_value = (char *) "/proc/nowhere" };
    g_autoptr(GError) error = NULL;

    g_assert_false(target_deliver(&lmtp, &mail, &error));
    g_assert_nonnull(strstr(error->message, "/nonexistent/lmtp.sock"));
    g_assert_false(target_deliver(&maildir, &mail, NULL));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/target/command", test_command);
    g_test_add_func("/target/maildir", test_maildir);
    g_test_add_func("/target/nobody there", test_nobody_there);
    return g_test_run();
}
