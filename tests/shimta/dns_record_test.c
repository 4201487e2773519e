/* The DNS record of a new DKIM key, whatever the answer calls its parts. */
#include "shimta/dns_record.h"

#include <string.h>

#define KEY_40 "ABCDEFGHIJABCDEFGHIJABCDEFGHIJABCDEFGHIJ"
#define KEY "MIGfMA0GCSqGSIb3DQEB" KEY_40 KEY_40 "IDAQAB"

/* name, value, … */
static char *
record_of(const char *const *pairs, const char *domain, const char *selector)
{
    g_autoptr(QueryRow) row = query_row_new();

    for (; pairs[0]; pairs += 2)
        query_row_add(row, pairs[0], pairs[1]);
    return dns_record(row, domain, selector);
}

static const struct {
    const char *const pairs[8];
    const char *domain, *selector, *record;
} rows[] = {
    { { "domain", "example.net", "selector", "s3", "dns_value", "v=DKIM1; k=rsa; p=AAAA" }, "example.net", NULL,
      "s3._domainkey.example.net. IN TXT ( \"v=DKIM1; k=rsa; p=AAAA\" )" },
    { { "dns.name", "x._domainkey.example.net", "dns.txt", "v=DKIM1; p=AAAA" }, "example.net", NULL,
      "x._domainkey.example.net. IN TXT ( \"v=DKIM1; p=AAAA\" )" },
    { { "record", "x._domainkey.example.net. 3600 IN TXT ( \"v=DKIM1; \" \"p=AA\" \"BB\" )" }, "example.net", NULL,
      "x._domainkey.example.net. IN TXT ( \"v=DKIM1; p=AABB\" )" },
    { { "public_key", KEY }, "example.net", "s1", "s1._domainkey.example.net. IN TXT ( \"v=DKIM1; k=rsa; p=" KEY "\" )" },
    { { "k", "-----BEGIN PUBLIC KEY-----\n" KEY "\n-----END PUBLIC KEY-----\n" }, "example.net", "s1",
      "s1._domainkey.example.net. IN TXT ( \"v=DKIM1; k=rsa; p=" KEY "\" )" },
    { { "dns", "k=rsa; p=AAAA" }, "example.net", "s1",
      "s1._domainkey.example.net. IN TXT ( \"v=DKIM1; k=rsa; p=AAAA\" )" },
    { { "dns", "v=DKIM1; p=AAAA" }, "example.net", NULL, NULL }, /* no selector anywhere */
    { { "dns", "v=spf1 include:example.org ~all" }, "example.net", "s1", NULL },
    { { "status", "OK" }, "example.net", "s1", NULL },
    { { NULL }, "example.net", "s1", NULL },
    /* what would be more than one record, or another's */
    { { "dns", "v=DKIM1; p=AAAA\" )\nexample.net. IN A 192.0.2.1" }, "example.net", "s1", NULL },
    { { "dns", "v=DKIM1; p=\\AA", "selector", "s1\n@ IN MX 0 x." }, "example.net", "s2",
      "s2._domainkey.example.net. IN TXT ( \"v=DKIM1; p=\\\\AA\" )" },
    { { "dns", "v=DKIM1;\n p=AA" }, "example.net", "s2",
      "s2._domainkey.example.net. IN TXT ( \"v=DKIM1;\\010 p=AA\" )" },
};

static void
test_rows(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *record = record_of(rows[i].pairs, rows[i].domain, rows[i].selector);
        g_test_message("row %u", i);
        g_assert_cmpstr(record, ==, rows[i].record);
    }
}

/* A key of 4096 bits is longer than a string may be (RFC 1035, section 3.3). */
static void
test_strings_of_255_bytes(void)
{
    g_autofree char *key = g_strnfill(736, 'k');
    g_autofree char *text = g_strconcat("v=DKIM1; p=", key, NULL);
    const char *const pairs[] = { "dns", text, NULL };
    g_autofree char *record = record_of(pairs, "example.net", "s1");
    g_auto(GStrv) parts = g_strsplit(record, "\"", -1);
    g_autoptr(GString) joined = g_string_new(NULL);

    g_assert_cmpuint(g_strv_length(parts), ==, 7);
    for (guint i = 1; parts[i]; i += 2) {
        g_assert_cmpuint(strlen(parts[i]), <=, 255);
        g_string_append(joined, parts[i]);
    }
    g_assert_cmpstr(joined->str, ==, text);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/dns-record/rows", test_rows);
    g_test_add_func("/dns-record/strings-of-255-bytes", test_strings_of_255_bytes);
    return g_test_run();
}
