#include "sendmail/caller.h"
#include "sendmail/complain.h"
#include "sendmail/settings.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sysexits.h>

#define USUAL RUNSTATEDIR "/shimta/submit.sock"

static const struct { const char *text; int status; bool direct; int wait_ms; const char *socket; } rows[] = {
    { "", EX_OK, false, 5000, USUAL },
    { "[shimta]\nsubmit = direct\nsubmit-wait = 0s\n", EX_OK, true, 0, USUAL },
    { "[shimta]\nsubmit=daemon\nsubmit-wait=2m  # patience\n", EX_OK, false, 120000, USUAL },
    { "[shimta]\nsubmit-wait = 5\n", EX_OK, false, 5000, USUAL },
    { "[shimta]\nsubmit-wait = 1d\n", EX_OK, false, 86400000, USUAL },
    { "[shimta]\nsubmit-wait = 99999999999s\n", EX_OK, false, 5000, USUAL },
    { "[listen local]\naddress = 127.0.0.1:25\n[listen s]\naddress = /a/b.sock\nsendmail = yes\n", EX_OK, false, 5000,
      "/a/b.sock" },
    { "[listen s]\r\n  sendmail = True\r\n  address = /a/b.sock # here\r\n[x]\r\naddress = /c\r\n", EX_OK, false, 5000,
      "/a/b.sock" },
    { "[listen a]\naddress=/first\nsendmail=on\n[listen b]\naddress=/second\nsendmail=yes\n", EX_OK, false, 5000,
      "/first" },
    { "[listen a]\naddress = /first\nsendmail = no\n", EX_OK, false, 5000, USUAL },
    { "[listen a]\n#sendmail = yes\naddress = /first\n", EX_OK, false, 5000, USUAL },
    { "[listener]\nsendmail = yes\naddress = /x\n[account listen]\nsubmit = direct\n", EX_OK, false, 5000, USUAL },
    { "[listen a]\nsendmail = yes\naddress = 127.0.0.1:25, /first\n", EX_OK, false, 5000, "/first" },
    { "[listen a]\nsendmail = yes\naddress = 127.0.0.1:25\n", EX_CONFIG, false, 5000, NULL },
    { "[listen a]\nsendmail = yes\n", EX_CONFIG, false, 5000, NULL },
    { "[listen a]\nsendmail = yes\naddress = ${X}/y\n[shimta]\n", EX_CONFIG, false, 5000, NULL },
    { "key before a section = 1\n\n[open\nno equals\n", EX_OK, false, 5000, USUAL },
};

static void
test_files(void)
{
    g_autofree char *path = g_build_filename(g_get_tmp_dir(), "shimta-settings-XXXXXX", NULL);

    g_close(g_mkstemp(path), NULL);
    g_setenv("SHIMTA_CONF", path, TRUE);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        Settings settings;
        g_assert_true(g_file_set_contents(path, rows[i].text, -1, NULL));
        g_test_message("row %zu", i);
        g_assert_cmpint(settings_read(&settings, NULL), ==, rows[i].status);
        g_assert_cmpint(settings.direct, ==, rows[i].direct);
        g_assert_cmpint(settings.wait_ms, ==, rows[i].wait_ms);
        g_assert_cmpstr(settings.file, ==, path);
        if (rows[i].socket)
            g_assert_cmpstr(settings.socket, ==, rows[i].socket);
    }
    g_unlink(path);
}

static void
test_long_path(void)
{
    g_autofree char *path = g_build_filename(g_get_tmp_dir(), "shimta-settings-XXXXXX", NULL);

    g_close(g_mkstemp(path), NULL);
    g_setenv("SHIMTA_CONF", path, TRUE);
    for (size_t n = SETTINGS_PATH_BYTES - 2; n < SETTINGS_PATH_BYTES + 2; n++) {
        g_autofree char *name = g_strnfill(n - 1, 'p');
        g_autofree char *text = g_strdup_printf("[listen s]\nsendmail = yes\naddress = /%s\n", name);
        Settings settings;
        g_assert_true(g_file_set_contents(path, text, -1, NULL));
        g_assert_cmpint(settings_read(&settings, NULL), ==, n < SETTINGS_PATH_BYTES ? EX_OK : EX_CONFIG);
    }
    g_unlink(path);
}

static void
test_no_file(void)
{
    Settings settings;

    g_setenv("SHIMTA_CONF", "/nonexistent/shimta.conf", TRUE);
    g_assert_cmpint(settings_read(&settings, NULL), ==, EX_OK);
    g_assert_cmpstr(settings.socket, ==, USUAL);
    g_setenv("SHIMTA_CONF", "", TRUE);
    g_assert_cmpint(settings_read(&settings, NULL), ==, EX_OK);
    g_assert_null(settings.file);
}

static const struct { const char *name, *want; } name_rows[] = {
    { "Cron Daemon", "Cron Daemon" },
    { "山田太郎", "山田太郎" },
    { "Jos\xe9", "Jos?" },
    { "\xe5\xb1", "??" },
    { "\xed\xa0\x80", "???" },          /* a surrogate */
    { "\xf0\x80\x80\x80", "????" },     /* overlong */
    { "\xc0\xaf\xff", "???" },
    { "\U0001f600", "\U0001f600" },
    { "a\tb", "a?b" },
};

static void
test_names(void)
{
    char clean[CALLER_NAME_BYTES];

    for (size_t i = 0; i < G_N_ELEMENTS(name_rows); i++) {
        caller_clean_name(name_rows[i].name, clean);
        g_assert_cmpstr(clean, ==, name_rows[i].want);
    }

    g_autoptr(GString) longer = g_string_new(NULL);
    while (longer->len < 1000)
        g_string_append(longer, "山");
    caller_clean_name(longer->str, clean);
    g_assert_cmpuint(strlen(clean), ==, 255); /* 85 whole characters */
    g_assert_true(g_utf8_validate(clean, -1, NULL));
}

static void
test_caller(void)
{
    Caller caller;

    caller_look_up(&caller);
    g_assert_cmpstr(caller.login, !=, "");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    complain_not(true);
    g_test_add_func("/sendmail/settings/files", test_files);
    g_test_add_func("/sendmail/settings/long-path", test_long_path);
    g_test_add_func("/sendmail/settings/no-file", test_no_file);
    g_test_add_func("/sendmail/caller/names", test_names);
    g_test_add_func("/sendmail/caller/look-up", test_caller);
    return g_test_run();
}
