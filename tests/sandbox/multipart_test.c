#include "sandbox/multipart.h"

#include <string.h>

/* Writes "name|filename|type=content;" for each part; NULL shows as "-". */
static void
on_begin(void *user, const PartHead *head)
{
    g_string_append_printf(user, "%s|%s|%s=", head->name, head->filename ? head->filename : "-",
                           head->type ? head->type : "-");
}

static void
on_data(void *user, const char *bytes, size_t n)
{
    g_string_append_len(user, bytes, (gssize) n);
}

static void
on_end(void *user)
{
    g_string_append_c(user, ';');
}

static const MultipartHandler handler = { on_begin, on_data, on_end };

#define PART(head, content) "\r\n--B\r\nContent-Disposition: form-data; " head "\r\n\r\n" content

static const struct {
    const char *body;
    const char *want;
    bool complete;
} rows[] = {
    { PART("name=\"a\"", "1") PART("name=\"b\"", "2") "\r\n--B--\r\n", "a|-|-=1;b|-|-=2;", true },
    { "--B\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n--B--", "a|-|-=;", true },
    { "preamble" PART("name=\"a\"", "\r\n\r\n--b\r\n--\r\n-") "\r\n--B--epilogue", "a|-|-=\r\n\r\n--b\r\n--\r\n-;", true },
    { PART("name=\"a\"; filename=\"x;y.txt\"\r\nContent-Type: text/plain ", "1") "\r\n--B--",
      "a|x;y.txt|text/plain=1;", true },
    { PART("filename=\"q\\\"\\\\%22%0D%0A%20\"; name=\"a\"", "1") "\r\n--B--", "a|q\"\\\"\r\n%20|-=1;", true },
    { PART("Name = \"x\"; NAME=\"a\"", "1") "\r\n--B--", "a|-|-=1;", true },
    { "--B \t\r\ncontent-disposition:form-data;name=a\r\n\r\n1\r\n--B--", "a|-|-=1;", true },
    { PART("name=\"a\"", "1"), "a|-|-=1", false },
    { PART("name=\"a\"", "1") "\r\n--B", "a|-|-=1;", false },
    { PART("name=\"a\"", "1") "\r\n--B-x", "a|-|-=1;", false },
    { PART("filename=\"a\"", "1") "\r\n--B--", "", false },
    { PART("name=\"a", "1") "\r\n--B--", "", false },
    { "--B\r\n\r\n1\r\n--B--", "", false },
    { "--B\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\n1\r\n--B--", "", false },
    { "--B--", "", true },
    { "", "", false },
};

/* However the body is cut, the parts are the same. */
static void
test_parts(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        const char *body = rows[i].body;
        for (size_t step = 1; step <= strlen(body) + 1; step++) {
            g_autoptr(GString) got = g_string_new(NULL);
            Multipart *multipart = multipart_new("B", &handler, got);
            for (size_t at = 0; at < strlen(body); at += step)
                multipart_feed(multipart, body + at, MIN(step, strlen(body) - at));
            /* What came before a missing end may still be held back. */
            if (rows[i].complete)
                g_assert_cmpstr(got->str, ==, rows[i].want);
            else
                g_assert_true(g_str_has_prefix(rows[i].want, got->str));
            g_assert_true(multipart_is_complete(multipart) == rows[i].complete);
            multipart_free(multipart);
        }
    }
}

static void
test_boundary(void)
{
    const struct {
        const char *type;
        const char *want;
    } types[] = {
        { "multipart/form-data; boundary=b", "b" },
        { "MULTIPART/FORM-DATA;charset=utf-8 ; Boundary=\"a b'()+_,-./:=?\"", "a b'()+_,-./:=?" },
        { "multipart/form-data", NULL },
        { "multipart/form-data; boundary=", NULL },
        { "multipart/form-data; boundary=\"\"", NULL },
        { "multipart/form-data; boundary=\"a", NULL },
        { "multipart/form-data; boundary=a*b", NULL },
        { "multipart/form-data; boundary=01234567890123456789012345678901234567890123456789012345678901234567890", NULL },
        { "multipart/form-dataset; boundary=b", NULL },
        { "multipart/mixed; boundary=b", NULL },
        { "application/json", NULL },
        { NULL, NULL },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
        g_autofree char *got = multipart_boundary(types[i].type);
        g_assert_cmpstr(got, ==, types[i].want);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/multipart/parts", test_parts);
    g_test_add_func("/multipart/boundary", test_boundary);
    return g_test_run();
}
