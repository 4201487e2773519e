#include "base/conf.h"

#include <glib/gstdio.h>

typedef enum { AUTO, QUEUE, WAIT } Delivery;

typedef struct {
    char *host;
    char *note;
    char **domains;
    guint limit;
    gint64 size;
    gint64 wait_ms;
    bool on;
    guint mode;
    int delivery;
} TestConf;

static const char *const deliveries[] = { "auto", "queue", "wait", NULL };

static const ConfKey keys[] = {
    CONF_KEY(TestConf, host, "hostname", CONF_STRING, "localhost"),
    CONF_KEY(TestConf, note, "note", CONF_STRING, NULL),
    CONF_KEY(TestConf, domains, "from-domains", CONF_LIST, NULL),
    CONF_KEY(TestConf, limit, "limit", CONF_UINT, "100", .min = 1, .max = 1000),
    CONF_KEY(TestConf, size, "max-size", CONF_SIZE, "25M", .min = 1, .max = G_MAXINT64),
    CONF_KEY(TestConf, wait_ms, "wait", CONF_TIME, "20s"),
    CONF_KEY(TestConf, on, "enabled", CONF_BOOL, "yes"),
    CONF_KEY(TestConf, mode, "mode", CONF_MODE, "0600"),
    CONF_KEY(TestConf, delivery, "delivery", CONF_CHOICE, "auto", .choices = deliveries),
    { 0 },
};

static const ConfKey url_keys[] = {
    { .name = "url", .offset = 0, .type = CONF_STRING, .required = true },
    { 0 },
};

/* The whole of what a program does: [shimta] and each [account NAME]. */
static bool
load(const char *text, TestConf *into, GError **error)
{
    g_autoptr(ConfFile) file = conf_open_text("t.conf", text, error);

    if (!file || !conf_read(file, "shimta", "", keys, into, error))
        return false;
    g_auto(GStrv) names = conf_names(file, "account");
    for (guint i = 0; names[i]; i++) {
        char *url = NULL;

        if (!conf_read(file, "account", names[i], url_keys, &url, error))
            return false;
        conf_clear(url_keys, &url);
    }
    return conf_check_unknown(file, error);
}

static void
test_errors(void)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        { "[shimta]\nhostnam = x\n", "t.conf:2: [shimta] unknown key 'hostnam', did you mean 'hostname'?" },
        { "[shimta]\n\n# c\nmax_size = 1\n",
          "t.conf:4: [shimta] unknown key 'max_size', did you mean 'max-size'?" },
        { "[shimta]\ncolour = red\n", "t.conf:2: [shimta] unknown key 'colour'" },
        { "[account main]\nurl = x\nurll = y\n",
          "t.conf:3: [account main] unknown key 'urll', did you mean 'url'?" },
        { "[acount main]\nurl = x\n", "t.conf:1: unknown section [acount main], did you mean 'account'?" },
        { "[zebra]\n", "t.conf:1: unknown section [zebra]" },
        { "[shimta extra]\n", "t.conf:1: unknown section [shimta extra]" },
        { "[account main]\n", "t.conf:1: [account main] url: is missing" },
        { "[shimta]\nlimit = 5\nlimit = 6\n", "t.conf:3: [shimta] limit: set already on line 2" },
        { "[shimta]\n[account a]\nurl=x\n[shimta]\n", "t.conf:4: [shimta] stands already on line 1" },
        { "[account a]\nurl=x\n[ account  a ]\n", "t.conf:3: [account a] stands already on line 1" },
        { "limit = 5\n", "t.conf:1: a key before the first [section]" },
        { "[shimta]\nlimit\n", "t.conf:2: neither 'key = value' nor '[section]'" },
        { "[shimta]\n= 5\n", "t.conf:2: neither 'key = value' nor '[section]'" },
        { "[shimta\n", "t.conf:1: ']' is missing" },
        { "[\n", "t.conf:1: ']' is missing" },
        { "[]\n", "t.conf:1: a section needs a name" },
        { "[ ]\n", "t.conf:1: a section needs a name" },
        { "[shimta]\nnote = \xff\n", "t.conf:2: not UTF-8" },
        { "[shimta]\nnote = ${UNSET_VARIABLE}\n",
          "t.conf:2: the environment has no variable 'UNSET_VARIABLE'" },
        { "[shimta]\nnote = ${TEST_HOME\n", "t.conf:2: '${' without '}'" },
        { "[shimta]\nlimit = x\n", "t.conf:2: [shimta] limit: 'x' is not a number" },
        { "[shimta]\nlimit = -1\n", "t.conf:2: [shimta] limit: '-1' is not a number" },
        { "[shimta]\nlimit =\n", "t.conf:2: [shimta] limit: '' is not a number" },
        { "[shimta]\nlimit = 5k\n", "t.conf:2: [shimta] limit: '5k' is not a number" },
        { "[shimta]\nlimit = 0\n", "t.conf:2: [shimta] limit: must be at least 1" },
        { "[shimta]\nlimit = 1001\n", "t.conf:2: [shimta] limit: must be at most 1000" },
        { "[shimta]\nlimit = 4294967296\n", "t.conf:2: [shimta] limit: '4294967296' is too large" },
        { "[shimta]\nlimit = 99999999999999999999\n",
          "t.conf:2: [shimta] limit: '99999999999999999999' is too large" },
        { "[shimta]\nmax-size = 25X\n",
          "t.conf:2: [shimta] max-size: '25X' is not a size such as 500, 64k, 25M or 1G" },
        { "[shimta]\nmax-size = 25MB\n",
          "t.conf:2: [shimta] max-size: '25MB' is not a size such as 500, 64k, 25M or 1G" },
        { "[shimta]\nmax-size = 0\n", "t.conf:2: [shimta] max-size: must be at least 1" },
        { "[shimta]\nmax-size = 8589934592G\n", "t.conf:2: [shimta] max-size: '8589934592G' is too large" },
        { "[shimta]\nmax-size = 9223372036854775808\n",
          "t.conf:2: [shimta] max-size: '9223372036854775808' is too large" },
        { "[shimta]\nwait = 20\n", "t.conf:2: [shimta] wait: '20' is not a time such as 30s, 5m, 12h or 7d" },
        { "[shimta]\nwait = 20ms\n",
          "t.conf:2: [shimta] wait: '20ms' is not a time such as 30s, 5m, 12h or 7d" },
        { "[shimta]\nwait = 106751991168d\n", "t.conf:2: [shimta] wait: '106751991168d' is too large" },
        { "[shimta]\nenabled = maybe\n", "t.conf:2: [shimta] enabled: 'maybe' is neither yes nor no" },
        { "[shimta]\nmode = 0688\n",
          "t.conf:2: [shimta] mode: '0688' is not an octal file mode such as 0660" },
        { "[shimta]\nmode = 17777\n", "t.conf:2: [shimta] mode: '17777' is too large" },
        { "[shimta]\ndelivery = never\n",
          "t.conf:2: [shimta] delivery: 'never' is none of auto, queue, wait" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        TestConf conf = { 0 };

        g_assert_false(load(rows[i].text, &conf, &error));
        g_assert_error(error, CONF_ERROR, 0);
        g_assert_cmpstr(error->message, ==, rows[i].want);
        conf_clear(keys, &conf);
    }
}

static void
test_defaults(void)
{
    static const char *const texts[] = {
        "", "[shimta]\n", "\xef\xbb\xbf[shimta]\r\n\r\n", "# only\n  # comments",
    };

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GError) error = NULL;
        TestConf conf = { 0 };

        g_assert_true(load(texts[i], &conf, &error));
        g_assert_no_error(error);
        g_assert_cmpstr(conf.host, ==, "localhost");
        g_assert_null(conf.note);
        g_assert_cmpuint(g_strv_length(conf.domains), ==, 0);
        g_assert_cmpuint(conf.limit, ==, 100);
        g_assert_cmpint(conf.size, ==, 25 * 1024 * 1024);
        g_assert_cmpint(conf.wait_ms, ==, 20000);
        g_assert_true(conf.on);
        g_assert_cmpuint(conf.mode, ==, 0600);
        g_assert_cmpint(conf.delivery, ==, AUTO);
        conf_clear(keys, &conf);
        g_assert_null(conf.host);
        g_assert_null(conf.domains);
        g_assert_cmpint(conf.size, ==, 0);
    }
}

static void
test_values(void)
{
    g_autoptr(GError) error = NULL;
    TestConf conf = { 0 };

    g_assert_true(load("[shimta]  # the program\n"
                       "  hostname\t=  mx.example.jp  # trailing comment\n"
                       "note = a#b ${TEST_HOME}/${TEST_HOME}x $HOME {y}\n"
                       "from-domains = a.jp, b.jp c.jp,,\td.jp ,\n"
                       "limit=1000\n"
                       "max-size = 9223372036854775807\n"
                       "wait = 106751991167d\n"
                       "enabled = Off\n"
                       "mode = 2660\n"
                       "delivery = wait\n",
                       &conf, &error));
    g_assert_no_error(error);
    g_assert_cmpstr(conf.host, ==, "mx.example.jp");
    g_assert_cmpstr(conf.note, ==, "a#b /h # ${X}//h # ${X}x $HOME {y}"); /* no second look at what came in */
    const char *const want[] = { "a.jp", "b.jp", "c.jp", "d.jp", NULL };
    g_assert_true(g_strv_equal((const char *const *) conf.domains, want));
    g_assert_cmpuint(conf.limit, ==, 1000);
    g_assert_cmpint(conf.size, ==, G_MAXINT64);
    g_assert_cmpint(conf.wait_ms, ==, G_GINT64_CONSTANT(106751991167) * 24 * 3600 * 1000);
    g_assert_false(conf.on);
    g_assert_cmpuint(conf.mode, ==, 02660);
    g_assert_cmpint(conf.delivery, ==, WAIT);
    conf_clear(keys, &conf);
}

static void
test_units(void)
{
    static const struct {
        const char *text;
        gint64 size;
    } sizes[] = {
        { "1", 1 }, { "2k", 2048 }, { "2K", 2048 },
        { "3M", 3145728 }, { "3m", 3145728 }, { "1G", 1073741824 },
    };
    static const struct {
        const char *text;
        gint64 ms;
    } times[] = {
        { "0s", 0 }, { "1s", 1000 }, { "2m", 120000 },
        { "3h", 10800000 }, { "1d", 86400000 }, { "1D", 86400000 },
    };

    for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
        g_autofree char *text =
            g_strdup_printf("[shimta]\nmax-size = %s\nwait = %s\n", sizes[i].text, times[i].text);
        TestConf conf = { 0 };

        g_assert_true(load(text, &conf, NULL));
        g_assert_cmpint(conf.size, ==, sizes[i].size);
        g_assert_cmpint(conf.wait_ms, ==, times[i].ms);
        conf_clear(keys, &conf);
    }
}

static void
test_empty_values(void)
{
    TestConf conf = { 0 };

    g_assert_true(load("[shimta]\nhostname =\nnote = # nothing\nfrom-domains =\n", &conf, NULL));
    g_assert_cmpstr(conf.host, ==, "");
    g_assert_cmpstr(conf.note, ==, "");
    g_assert_cmpuint(g_strv_length(conf.domains), ==, 0);
    conf_clear(keys, &conf);
}

static void
test_names(void)
{
    const char *text = "[b]\n[a two]\n[a]\n[a one]\nk=v\n[a two three]\n";
    g_autoptr(ConfFile) file = conf_open_text("t.conf", text, NULL);
    g_auto(GStrv) names = conf_names(file, "a");
    const char *const want[] = { "two", "", "one", "two three", NULL };

    g_assert_true(g_strv_equal((const char *const *) names, want));
    g_assert_true(conf_has(file, "a", "one", "k"));
    g_assert_false(conf_has(file, "a", "two", "k"));
    g_assert_false(conf_has(file, "c", "", "k"));
}

static void
test_fail(void)
{
    g_autoptr(ConfFile) file = conf_open_text("t.conf", "\n[a one]\n\nk=v\n", NULL);
    static const struct {
        const char *kind, *name, *key, *want;
    } rows[] = {
        { "a", "one", "k", "t.conf:4: [a one] k: is 5" },
        { "a", "one", "other", "t.conf:2: [a one] other: is 5" },
        { "a", "one", NULL, "t.conf:2: [a one] is 5" },
        { "b", "", "k", "t.conf: [b] k: is 5" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_false(conf_fail(file, rows[i].kind, rows[i].name, rows[i].key, &error, "is %d", 5));
        g_assert_cmpstr(error->message, ==, rows[i].want);
    }
}

/* Two tables on one section; unknown keys are compared with both. */
static void
test_two_tables(void)
{
    static const ConfKey other[] = { { .name = "other", .type = CONF_STRING }, { 0 } };
    g_autoptr(ConfFile) file = conf_open_text("t.conf", "[shimta]\nother = 1\nlimit = 2\nothr = 3\n", NULL);
    g_autoptr(GError) error = NULL;
    TestConf conf = { 0 };
    char *text = NULL;

    g_assert_true(conf_read(file, "shimta", "", keys, &conf, NULL));
    g_assert_true(conf_read(file, "shimta", "", other, &text, NULL));
    g_assert_cmpstr(text, ==, "1");
    g_assert_false(conf_check_unknown(file, &error));
    g_assert_cmpstr(error->message, ==, "t.conf:4: [shimta] unknown key 'othr', did you mean 'other'?");
    conf_clear(keys, &conf);
    conf_clear(other, &text);
}

static void
test_print(void)
{
    TestConf conf = { 0 };
    g_autoptr(GString) out = g_string_new("[shimta]\n");

    g_assert_true(load("[shimta]\nfrom-domains = a.jp b.jp\nmax-size = 1500\nwait = 90m\nmode = 660\n",
                       &conf, NULL));
    conf_print(keys, &conf, out);
    g_assert_cmpstr(out->str, ==,
                    "[shimta]\nhostname = localhost\nfrom-domains = a.jp, b.jp\nlimit = 100\n"
                    "max-size = 1500\n"
                    "wait = 90m\nenabled = yes\nmode = 0660\ndelivery = auto\n");
    conf_clear(keys, &conf);

    g_assert_true(load(out->str, &conf, NULL));
    g_autoptr(GString) again = g_string_new("[shimta]\n");
    conf_print(keys, &conf, again);
    g_assert_cmpstr(again->str, ==, out->str);
    conf_clear(keys, &conf);
}

static void
test_open(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = NULL;
    int fd = g_file_open_tmp("shimta-test-XXXXXX", &path, NULL);
    g_close(fd, NULL);

    g_assert_true(g_file_set_contents(path, "[a]\nk = 1\n", -1, NULL));
    g_autoptr(ConfFile) file = conf_open(path, &error);
    g_assert_no_error(error);
    g_assert_true(conf_has(file, "a", "", "k"));

    g_assert_true(g_file_set_contents(path, "[a]\nk\0k\n", 8, NULL));
    g_assert_null(conf_open(path, &error));
    g_assert_nonnull(g_strstr_len(error->message, -1, "NUL"));
    g_clear_error(&error);

    g_unlink(path);
    g_assert_null(conf_open(path, &error));
    g_assert_nonnull(g_strstr_len(error->message, -1, path));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_setenv("TEST_HOME", "/h # ${X}", TRUE);
    g_unsetenv("UNSET_VARIABLE");
    g_test_add_func("/conf/errors", test_errors);
    g_test_add_func("/conf/defaults", test_defaults);
    g_test_add_func("/conf/values", test_values);
    g_test_add_func("/conf/units", test_units);
    g_test_add_func("/conf/empty-values", test_empty_values);
    g_test_add_func("/conf/names", test_names);
    g_test_add_func("/conf/fail", test_fail);
    g_test_add_func("/conf/two-tables", test_two_tables);
    g_test_add_func("/conf/print", test_print);
    g_test_add_func("/conf/open", test_open);
    return g_test_run();
}
