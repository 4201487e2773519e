#include "base/log.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int saved_stderr = -1;
static int captured[2];

static void
capture_begin(void)
{
    g_assert_cmpint(pipe(captured), ==, 0);
    g_assert_cmpint(fcntl(captured[0], F_SETFL, O_NONBLOCK), ==, 0);
    saved_stderr = dup(STDERR_FILENO);
    dup2(captured[1], STDERR_FILENO);
}

static char *
capture_end(void)
{
    static char buf[65536];

    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
    close(captured[1]);
    ssize_t got = read(captured[0], buf, sizeof buf);
    close(captured[0]);
    return g_strndup(buf, MAX(got, 0));
}

static char *
logged(const char *value)
{
    capture_begin();
    log_event(LOG_INFO, "event", "text", value, NULL);
    return capture_end();
}

static void
test_values(void)
{
    static const struct {
        const char *value, *want;
    } rows[] = {
        { "plain", "text=plain" },
        { "a=b@example.jp", "text=a=b@example.jp" },
        { "", "text=\"\"" },
        { "two words", "text=\"two words\"" },
        { "say \"hi\"", "text=\"say \\\"hi\\\"\"" },
        { "back\\slash", "text=\"back\\\\slash\"" },
        { "a\nb\r\tc", "text=\"a\\nb\\r\\tc\"" },
        { "\x1b[31mred\x7f", "text=\"\\x1b[31mred\\x7f\"" },
        { "%s%n", "text=%s%n" },
        { "日本語", "text=\"日本語\"" },
        { "a\xe2\x80\xa8" "b", "text=\"a\\xe2\\x80\\xa8b\"" },   /* line separator */
        { "a\xe2\x80\xae" "b", "text=\"a\\xe2\\x80\\xaeb\"" },   /* right-to-left override */
        { "a\xc2\x85" "b", "text=\"a\\xc2\\x85" "b\"" },         /* next line, a C1 control */
        { "\xff\xfe", "text=\"\\xff\\xfe\"" },
        { "\xe6\x97", "text=\"\\xe6\\x97\"" },                   /* half a character */
        { "\xc0\x8a", "text=\"\\xc0\\x8a\"" },                   /* overlong newline */
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *line = logged(rows[i].value);
        g_autofree char *want = g_strdup_printf("event %s\n", rows[i].want);
        g_assert_cmpstr(line, ==, want);
    }
}

static void
test_pairs(void)
{
    capture_begin();
    log_event(LOG_INFO, "delivered", "id", "Q1", "from", NULL, "size", LOG_NUM(G_MININT64),
              "to", "a@b.jp", NULL);
    log_event(LOG_ERR, "alone", NULL);
    g_autofree char *lines = capture_end();

    g_assert_cmpstr(lines, ==, "delivered id=Q1 size=-9223372036854775808 to=a@b.jp\nalone\n");
}

static void
test_levels(void)
{
    log_open(LOG_WARNING);
    capture_begin();
    log_event(LOG_INFO, "quiet", NULL);
    log_event(LOG_WARNING, "loud", NULL);
    g_autofree char *lines = capture_end();

    g_assert_cmpstr(lines, ==, "loud\n");
    g_assert_false(log_wants(LOG_INFO));
    g_assert_true(log_wants(LOG_WARNING));
    log_open(LOG_INFO);
}

static void
test_journal(void)
{
    g_setenv("JOURNAL_STREAM", "8:1", TRUE);
    log_open(LOG_INFO);
    capture_begin();
    log_event(LOG_ERR, "event", "k", "v", NULL);
    g_autofree char *line = capture_end();
    g_unsetenv("JOURNAL_STREAM");
    log_open(LOG_INFO);

    g_assert_cmpstr(line, ==, "<3>event k=v\n");
}

static void
check_cut(const char *value)
{
    g_autofree char *line = logged(value);
    size_t length = strlen(line);

    g_assert_cmpuint(length, <=, LOG_LINE_BYTES);
    g_assert_cmpuint(length, >, LOG_LINE_BYTES - 10);
    g_assert_true(g_str_has_suffix(line, "…\"\n"));
    g_assert_true(g_utf8_validate(line, -1, NULL));
    g_assert_true(strchr(line, '\n') == line + length - 1);
}

/* Cut between characters and between escapes, at every phase. */
static void
test_cut(void)
{
    static const char *const units[] = { "x", "é", "日", "𠮷", "\n", "\xff", "\"" };

    for (guint i = 0; i < G_N_ELEMENTS(units); i++) {
        for (guint phase = 0; phase < 8; phase++) {
            g_autoptr(GString) value = g_string_new(NULL);

            for (guint j = 0; j < phase; j++)
                g_string_append_c(value, 'a');
            while (value->len < 10240)
                g_string_append(value, units[i]);
            check_cut(value->str);
        }
    }
}

/* The longest value that needs no cut, and one more. */
static void
test_fit(void)
{
    size_t most = LOG_LINE_BYTES - strlen("event text=\n");
    g_autofree char *fits = g_strnfill(most, 'x');
    g_autofree char *line = logged(fits);
    g_autofree char *want = g_strdup_printf("event text=%s\n", fits);
    g_assert_cmpstr(line, ==, want);

    g_autofree char *longer = g_strnfill(most + 1, 'x');
    check_cut(longer);
}

/* A stranger's long value leaves room for what follows. */
static void
test_room(void)
{
    g_autofree char *longer = g_strnfill(10240, 'x');

    capture_begin();
    log_event(LOG_INFO, "event", "from", longer, "to", longer, "dsn", "5.1.1", "remote_id", "77ab", NULL);
    g_autofree char *line = capture_end();

    g_assert_cmpuint(strlen(line), <=, LOG_LINE_BYTES);
    g_assert_nonnull(strstr(line, " to=\"xxx"));
    g_assert_true(g_str_has_suffix(line, " dsn=5.1.1 remote_id=77ab\n"));
}

/* However many pairs, the line ends. */
static void
test_many(void)
{
    g_autofree char *longer = g_strnfill(300, 'x');

    capture_begin();
    log_event(LOG_INFO, longer, longer, longer, longer, longer, longer, longer, longer, longer, longer,
              longer, longer, longer, longer, longer, NULL);
    g_autofree char *line = capture_end();

    g_assert_cmpuint(strlen(line), <=, LOG_LINE_BYTES);
    g_assert_true(g_str_has_suffix(line, "\n"));
}

/* Whatever comes in, a line is one JSON object, and what can be shown is in there as it was. */
static void
test_json(void)
{
    static const struct {
        const char *value, *want;
    } rows[] = {
        { "plain", ",\"text\":\"plain\"}\n" },
        { "", ",\"text\":\"\"}\n" },
        { "say \"hi\" \\", ",\"text\":\"say \\\"hi\\\" \\\\\"}\n" },
        { "a\nb\r\tc", ",\"text\":\"a\\nb\\r\\tc\"}\n" },
        { "\x1b[31mred\x7f", ",\"text\":\"\\u001b[31mred\\u007f\"}\n" },
        { "%s%n", ",\"text\":\"%s%n\"}\n" },
        { "日本語", ",\"text\":\"日本語\"}\n" },
        { "a\xe2\x80\xa8" "b", ",\"text\":\"a\\u2028b\"}\n" },
        { "\xf3\xa0\x80\x81", ",\"text\":\"\\udb40\\udc01\"}\n" },
        { "\xff\xe6", ",\"text\":\"\\ufffd\\ufffd\"}\n" },
    };

    log_use_json(TRUE);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *line = logged(rows[i].value);
        g_assert_true(g_str_has_prefix(line, "{\"time\":\"2"));
        g_assert_nonnull(strstr(line, "Z\",\"level\":\"info\",\"event\":\"event\","));
        g_assert_true(g_str_has_suffix(line, rows[i].want));
    }
    g_autofree char *huge = g_strnfill(10000, '\x01');
    g_autofree char *cut = logged(huge);
    g_assert_cmpuint(strlen(cut), <=, LOG_LINE_BYTES);
    g_assert_true(g_str_has_suffix(cut, "…\"}\n"));
    log_use_json(FALSE);
}

int
main(int argc, char **argv)
{
    g_unsetenv("JOURNAL_STREAM");
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/log/values", test_values);
    g_test_add_func("/log/pairs", test_pairs);
    g_test_add_func("/log/levels", test_levels);
    g_test_add_func("/log/journal", test_journal);
    g_test_add_func("/log/cut", test_cut);
    g_test_add_func("/log/fit", test_fit);
    g_test_add_func("/log/room", test_room);
    g_test_add_func("/log/many", test_many);
    g_test_add_func("/log/json", test_json);
    return g_test_run();
}
