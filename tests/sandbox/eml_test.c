#include "sandbox/eml.h"

#include <string.h>

#include "sandbox/emails_letter.h"
#include "sandbox/mime_header.h"

#define BODY_HEAD(name) "--B\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n"
#define FIELD(name, value) BODY_HEAD(name) value "\r\n"

static const char request[] =
    FIELD("api_user", "u") FIELD("api_key", "k") FIELD("to", "[{\"name\":\"A, B\",\"address\":\"a@example.org\"},"
    "{\"name\":\"\",\"address\":\"b@example.org\"}]") FIELD("bcc", "c@example.org")
    FIELD("from", "{\"name\":\"\\u5e97\",\"address\":\"s@example.net\"}") FIELD("subject", "Hello")
    FIELD("headers", "[{\"name\":\"X-A\",\"value\":\"v\"}]") FIELD("text", "one\ntwo\n") "--B--\r\n";

static const char want[] =
    "X-Sandbox-Recipient: c@example.org\r\n"
    "X-Sandbox-Place: bcc\r\n"
    "X-Sandbox-Envelope-From: s@example.net\r\n"
    "Date: Fri, 13 Feb 2009 23:31:30 +0000\r\n"
    "From: =?UTF-8?B?5bqX?= <s@example.net>\r\n"
    "To: \"A, B\" <a@example.org>,\r\n"
    " b@example.org\r\n"
    "Subject: Hello\r\n"
    "Message-ID: <id@example>\r\n"
    "X-A: v\r\n"
    "MIME-Version: 1.0\r\n"
    "Content-Type: text/plain; charset=UTF-8\r\n"
    "Content-Transfer-Encoding: 7bit\r\n"
    "\r\n"
    "one\r\ntwo\r\n";

static void
test_whole(void)
{
    FormSettings settings = { .fields = emails_fields(false) };
    Form *form = form_new("multipart/form-data; boundary=B", &settings);
    g_autoptr(Problems) problems = problems_new();
    char *bytes = NULL;
    size_t n = 0;

    form_feed(form, request, strlen(request));
    g_assert_true(form_is_complete(form));
    Letter *letter = emails_letter_read(form, false, problems);
    g_assert_nonnull(letter);
    Eml eml = { letter, letter->bcc->pdata[0], "bcc", "<id@example>", 1234567890 };
    FILE *out = open_memstream(&bytes, &n);
    g_assert_true(eml_write(out, &eml));
    fclose(out);
    g_assert_cmpstr(bytes, ==, want);
    free(bytes);
    letter_free(letter);
    form_free(form);
}

static void
test_header_text(void)
{
    const struct {
        const char *value;
        bool iso;
        const char *want;
    } rows[] = {
        { "plain", false, "S: plain\r\n" },
        { "", false, "S: \r\n" },
        { "\xe3\x81\x82", false, "S: =?UTF-8?B?44GC?=\r\n" },
        { "\xe3\x81\x82", true, "S: =?ISO-2022-JP?B?GyRCJCIbKEI=?=\r\n" },
        { "=?UTF-8?B?44GC?=", false, "S: =?UTF-8?B?PT9VVEYtOD9CPzQ0R0M/PQ==?=\r\n" },
        { " lead", false, "S: =?UTF-8?B?IGxlYWQ=?=\r\n" },
        { "0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789", false,
          "S: 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789\r\n 0123456789 0123456789\r\n" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GString) got = g_string_new(NULL);
        mime_header_text(got, "S", rows[i].value, rows[i].iso);
        g_assert_cmpstr(got->str, ==, rows[i].want);
    }
}

static void
test_parameter(void)
{
    const struct {
        const char *value;
        const char *want;
    } rows[] = {
        { "a.pdf", ";\r\n filename=\"a.pdf\"" },
        { "q\"\\.txt", ";\r\n filename=\"q\\\"\\\\.txt\"" },
        { "\xe3\x81\x82 1", ";\r\n filename*0*=UTF-8''%E3%81%82%201" },
        { "\xe3\x81\x82\xe3\x81\x84\xe3\x81\x86\xe3\x81\x88\xe3\x81\x8a\xe3\x81\x8b\xe3\x81\x8d",
          ";\r\n filename*0*=UTF-8''%E3%81%82%E3%81%84%E3%81%86%E3%81%88%E3%81%8A%E3%81%8B"
          ";\r\n filename*1*=%E3%81%8D" },
        { "\xff", ";\r\n filename*0*=UTF-8''%EF%BF%BD" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GString) got = g_string_new(NULL);
        mime_header_parameter(got, "filename", rows[i].value);
        g_assert_cmpstr(got->str, ==, rows[i].want);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/eml/whole", test_whole);
    g_test_add_func("/eml/header-text", test_header_text);
    g_test_add_func("/eml/parameter", test_parameter);
    return g_test_run();
}
