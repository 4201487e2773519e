#include "fixture.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *driver, *keys;
} accounts[] = {
    { "arara", "client-id = client-of-tests\nclient-secret-file = KEYFILE\n" },
    { "blastmail", "username = user-of-tests\npassword-file = KEYFILE\napi-key-file = KEYFILE\n" },
    { "customers-mail-cloud", "api-user = user-of-tests\napi-key-file = KEYFILE\n" },
    { "arara-v1", "site = 12\nservice = 34\nuser = user]]>&of<tests\npassword-file = KEYFILE\n" },
};

QueryAccount *
fixture_account(const char *driver, const char *more, GError **error)
{
    g_autofree char *path = NULL;
    int fd = g_file_open_tmp("shimta-key-XXXXXX", &path, NULL);
    guint i = 0;

    while (!g_str_equal(accounts[i].driver, driver))
        i++;
    g_assert_cmpint(write(fd, "key-of-tests\n", 13), ==, 13);
    close(fd);
    g_autofree char *text = g_strdup_printf("[account main]\nurl = https://api.test\nprovider = %s\n%s%s", driver,
                                            accounts[i].keys, more);
    g_auto(GStrv) pieces = g_strsplit(text, "KEYFILE", -1);
    g_autofree char *whole = g_strjoinv(path, pieces);
    g_autoptr(ConfFile) file = conf_open_text("test.conf", whole, error);
    QueryAccount *account = file ? query_account_open(file, "main", error) : NULL;
    if (account && !conf_check_unknown(file, error))
        g_clear_pointer(&account, query_account_free);
    g_unlink(path);
    return account;
}

void
fixture_print_row(const QueryRow *row, void *user)
{
    GString *out = user;

    for (guint i = 0; i < row->fields->len; i++) {
        const QueryField *field = &g_array_index(row->fields, QueryField, i);
        g_autofree char *value = g_strescape(field->value, "\"\\\x80\x81\x82\x83\x84\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8d"
                                             "\x8e\x8f\x90\x91\x92\x93\x94\x95\x96\x97\x98\x99\x9a\x9b\x9c\x9d\x9e\x9f"
                                             "\xa0\xa1\xa2\xa3\xa4\xa5\xa6\xa7\xa8\xa9\xaa\xab\xac\xad\xae\xaf\xb0\xb1"
                                             "\xb2\xb3\xb4\xb5\xb6\xb7\xb8\xb9\xba\xbb\xbc\xbd\xbe\xbf\xc0\xc1\xc2\xc3"
                                             "\xc4\xc5\xc6\xc7\xc8\xc9\xca\xcb\xcc\xcd\xce\xcf\xd0\xd1\xd2\xd3\xd4\xd5"
                                             "\xd6\xd7\xd8\xd9\xda\xdb\xdc\xdd\xde\xdf\xe0\xe1\xe2\xe3\xe4\xe5\xe6\xe7"
                                             "\xe8\xe9\xea\xeb\xec\xed\xee\xef\xf0\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9"
                                             "\xfa\xfb\xfc\xfd\xfe\xff");
        g_assert_true(g_utf8_validate(field->name, -1, NULL));
        g_assert_true(g_utf8_validate(field->value, -1, NULL));
        g_string_append_printf(out, "%s: %s\n", field->name, value);
    }
    g_string_append_c(out, '\n');
}

const char *
fixture_error_name(const GError *error)
{
    static const char *const names[] = {
        [QUERY_ERROR_USAGE] = "usage",         [QUERY_ERROR_CANNOT] = "cannot",
        [QUERY_ERROR_AUTH] = "auth",           [QUERY_ERROR_LIMIT] = "limit",
        [QUERY_ERROR_NOT_FOUND] = "not-found", [QUERY_ERROR_REFUSED] = "refused",
        [QUERY_ERROR_NONSENSE] = "nonsense",   [QUERY_ERROR_TEMPORARY] = "temporary",
    };

    g_assert_true(error->domain == QUERY_ERROR);
    return names[error->code];
}
