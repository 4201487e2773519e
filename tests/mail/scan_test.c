#include "mail/scan.h"

#include <string.h>

/* Pushes the bytes in steps of n (0: all at once). */
static Scan *
scan_all(const char *bytes, gsize length, gsize step)
{
    Scan *scan = scan_new();

    for (gsize i = 0; i < length; i += step ? step : length)
        scan_push(scan, bytes + i, MIN(step ? step : length, length - i));
    scan_finish(scan);
    return scan;
}

static const struct {
    const char *mail;
    int header, body;
} offsets[] = {
    { "Subject: a\r\n\r\nb", 0, 14 },
    { "Subject: a\n\nb", 0, 12 },
    { "Subject: a\r\n b: c\r\n\r\nb", 0, 21 },
    { "Subject: a\r\n", 0, 12 },
    { "Subject: a", 0, 10 },
    { "Subject : a\r\n\r\n", 0, 15 },
    /* No empty line: text that is no field is body. */
    { "Subject: a\r\ntext\r\nmore", 0, 12 },
    { "Subject: a\r\nTo: b\r\n\x82\xa0: c\r\n", 0, 19 },
    /* No header. */
    { "just text\r\n", 0, 0 },
    { "", 0, 0 },
    { "\r\nbody", 2, 2 },
    { " Subject: a\r\n\r\nb", 0, 0 },
    { ": a\r\n\r\nb", 0, 0 },
    { "http://example.jp/\r\n\r\nb", 0, 0 },
    { "12:30:00 started\n12:30:01 stopped\n", 0, 0 },
    { "Error: disk full\nSubject: a\n\nb", 0, 29 },
    /* mbox. */
    { "From a@b Mon Jan 1\nSubject: a\n\nb", 19, 31 },
    { "From a@b Mon Jan 1\r\nSubject: a\r\n\r\nb", 20, 34 },
    { "From here on text\nand more", 0, 0 },
    { "From x\n\nb", 0, 0 },
    { "From: x\n\nb", 0, 9 },
    { "Subject: a\rTo: b\r\n\r\nc", 0, 20 },
};

static void
test_offsets(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(offsets); i++)
        for (gsize step = 0; step < 4; step++) {
            g_autoptr(Scan) scan = scan_all(offsets[i].mail, strlen(offsets[i].mail), step);
            if (scan_header_offset(scan) != offsets[i].header || scan_body_offset(scan) != offsets[i].body)
                g_error("row %u step %zu: %d, %d", i, step, (int) scan_header_offset(scan),
                        (int) scan_body_offset(scan));
            g_assert_cmpint(scan_verdict(scan), ==, SCAN_OK);
            g_assert_cmpstr(scan_reason(scan), ==, "");
        }
}

static char *
repeat(const char *text, guint n)
{
    GString *out = g_string_new(NULL);

    for (guint i = 0; i < n; i++)
        g_string_append(out, text);
    return g_string_free(out, FALSE);
}

/* before, n times unit, after, in three ways of pushing. */
static void
expect(ScanVerdict want, const char *before, const char *unit, guint n, const char *after)
{
    static const gsize steps[] = { 0, 1, 4096 };
    g_autofree char *middle = repeat(unit, n);
    g_autofree char *mail = g_strconcat(before, middle, after, NULL);

    for (guint i = 0; i < G_N_ELEMENTS(steps); i++) {
        g_autoptr(Scan) scan = scan_all(mail, strlen(mail), steps[i]);
        if (scan_verdict(scan) != want)
            g_error("%s%s x %u: %d (%s)", before, unit, n, scan_verdict(scan), scan_reason(scan));
        g_assert_cmpint(*scan_reason(scan) != '\0', ==, want != SCAN_OK);
    }
}

#define MULTIPART "Content-Type: multipart/mixed; boundary=b\r\n\r\n"

static void
test_header_caps(void)
{
    expect(SCAN_REFUSED, "To: ", "g:", 41500, "\r\n\r\n"); /* A61 */
    expect(SCAN_REFUSED, "Resent-Cc: ", "g:", 51, "\r\n\r\n");
    expect(SCAN_OK, "To: ", "g:", 50, "\r\n\r\n");
    expect(SCAN_OK, "To: \"", "g:", 51, "\" <a@b>\r\n\r\n");
    expect(SCAN_OK, "Subject: ", "g:", 51, "\r\n\r\n");
    expect(SCAN_REFUSED, "X-A: ", "0123456789", 20000, "\r\n\r\n"); /* A57 */
    expect(SCAN_REFUSED, "X-A: b", "\r\n 0123456789", 20000, "\r\n\r\n");
    expect(SCAN_REFUSED, "To: b", ",\r\n abcdefg@example.jp", 300000 / 20, "\r\n\r\n"); /* A64 */
    expect(SCAN_REFUSED, "", "To: a@b\r\n", 100000, "\r\n"); /* A64 */
    expect(SCAN_REFUSED, "", "X-A: b\r\n", 1001, "\r\n");
    expect(SCAN_OK, "", "X-A: b\r\n", 1000, "\r\n");
    expect(SCAN_REFUSED, "", "X-A: b\r\n", 1001, "");
    expect(SCAN_REFUSED, "", "X-A: b\r\n", 1001, "text");
    expect(SCAN_OK, "Subject: a\r\n\r\n", "X-A: b\r\n", 100000, "");
    expect(SCAN_OK, "", "12:00 text\n", 100000, "");
    expect(SCAN_OK, "", "Received: by x\r\n", 1000, "\r\n"); /* how many are a loop is said elsewhere */
    expect(SCAN_REFUSED, "", "Received: by x\r\n", 1001, "\r\n");
    expect(SCAN_REFUSED, "To: ", "(", 101, "\r\n\r\n"); /* A78 */
    expect(SCAN_REFUSED, "From: a@b ", "(", 10000, "\r\n\r\n");
    expect(SCAN_OK, "To: ", "(a)", 101, "\r\n\r\n");
    expect(SCAN_OK, "Subject: ", ":(", 101, "\r\n\r\n");
    expect(SCAN_REFUSED, "Content-Disposition: attachment", "; filename*1=a", 200, "\r\n\r\n"); /* A65 */
    expect(SCAN_REFUSED, "Content-Type: a/b", "; name*1=a", 200000, "\r\n\r\n");
}

static void
test_part_caps(void)
{
    expect(SCAN_REFUSED, MULTIPART, "--b\r\n\r\n", 1000000, ""); /* A63 */
    expect(SCAN_REFUSED, MULTIPART, "--b\r\n\r\n\r\n", 1001, "--b--");
    expect(SCAN_OK, MULTIPART, "--b\r\n\r\n\r\n", 1000, "--b--");
    expect(SCAN_REFUSED, MULTIPART "--b\r\n", "X: y\r\n", 1001, "\r\n");
    expect(SCAN_REFUSED, MULTIPART, "--b\r\nA: b\r\nB: c\r\nC: d\r\nD:e\r\nE:f\r\nF:g\r\nG:h\r\nH:i\r\nI:j\r\nJ:k\r\n"
           "A: b\r\nB: c\r\nC: d\r\nD:e\r\nE:f\r\nF:g\r\nG:h\r\nH:i\r\nI:j\r\nJ:k\r\nK:l\r\n\r\n", 999, "");
    expect(SCAN_REFUSED, MULTIPART "--b\r\nContent-Disposition: attachment", "; filename*1=a", 200, "\r\n\r\n");
    /* A part whose empty line was forgotten is not worth a refusal. */
    expect(SCAN_FLAT, MULTIPART "--b\r\n", "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=\r\n", 10000, "--b--");
    /* An honest mail may be full of dashes, and of what looks like fields. */
    expect(SCAN_OK, MULTIPART "--b\r\n\r\n", "-- \r\n--- a/file\r\n--c\r\n--b2\r\n --b\r\n-----BEGIN-----\r\n", 3000,
           "--b--\r\n");
    expect(SCAN_OK, MULTIPART "--b\r\n\r\n", "to:\r\n  a: b\r\n", 3000, "--b--\r\n");
    expect(SCAN_OK, MULTIPART "--b\r\n\r\na\r\n--b--\r\n", "--b\r\n\r\n", 3000, "");
    expect(SCAN_OK, "Content-Type: text/plain; boundary=b\r\n\r\n", "--b\r\n\r\n", 3000, "");
    expect(SCAN_OK, "text\r\n", "--b\r\n\r\n", 3000, "");
}

/* n multiparts, one in the other. */
static char *
nested(guint n, const char *boundary)
{
    GString *out = g_string_new(NULL);

    for (guint i = 0; i < n; i++) {
        g_string_append_printf(out, "Content-Type: multipart/mixed;\r\n\tboundary=\"%s%u\"\r\n\r\n", boundary, i);
        g_string_append_printf(out, "--%s%u\r\n", boundary, i);
    }
    g_string_append(out, "\r\ntext\r\n");
    return g_string_free(out, FALSE);
}

static void
test_depth(void)
{
    static const struct {
        guint n;
        ScanVerdict want;
    } rows[] = { { 1, SCAN_OK }, { 100, SCAN_OK }, { 101, SCAN_FLAT }, { 900, SCAN_FLAT } };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *mail = nested(rows[i].n, "b");
        expect(rows[i].want, mail, "", 0, "");
    }
    /* One after the other is not one in the other. */
    expect(SCAN_OK, MULTIPART,
           "--b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n--c\r\n\r\na\r\n--c--\r\n", 400, "--b--");
    expect(SCAN_OK, MULTIPART,
           "--b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n--c\r\n\r\na\r\n", 400, "--b--");
}

/* A66 */
static void
test_boundaries(void)
{
    g_autofree char *long_boundary = repeat("x", 2049);
    g_autofree char *mail = g_strconcat("Content-Type: multipart/mixed; boundary=", long_boundary, "\r\n\r\n--",
                                        long_boundary, "\r\n\r\na", NULL);
    expect(SCAN_FLAT, mail, "", 0, "");

    expect(SCAN_REFUSED, "Content-Type: multipart/mixed; boundary=\"b c\"\r\n\r\n", "--b c \t\r\n\r\n", 1001, "");
    expect(SCAN_REFUSED, "Content-Type: (c) multipart/mixed (; boundary=no);\r\n boundary*0=b;\r\n boundary*1=c\r\n\r\n",
           "--bc\r\n\r\n", 1001, "");
    expect(SCAN_REFUSED, "Content-Type: text/plain\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n",
           "--b\r\n\r\n", 1001, "");
    expect(SCAN_OK, "Content-Type: multipart/mixed\r\n\r\n", "--b\r\n\r\n", 1001, "");
    /* A67: GMime 3.2.13 does not come back from g_mime_multipart_get_boundary(). */
    g_autofree char *name = repeat("x", 72);
    g_autofree char *hang = g_strconcat("Content-Type: multipart/mixed; ", name, "=\"\xc3\xa9\"\r\n\r\nx", NULL);
    expect(SCAN_OK, hang, "", 0, "");
}

static void
test_large(void)
{
    gsize n = 10 * 1024 * 1024;
    g_autofree char *line = g_malloc(n + 1);

    memset(line, 'x', n);
    line[n] = '\0';
    expect(SCAN_OK, line, "", 0, "");
    expect(SCAN_OK, "Subject: a\r\n\r\n", line, 1, "");
    expect(SCAN_OK, MULTIPART "--b\r\n\r\n", line, 1, "\r\n--b--");
    memset(line, '-', n);
    expect(SCAN_OK, MULTIPART, line, 1, "");
    memset(line, ' ', n);
    expect(SCAN_OK, MULTIPART "--b", line, 1, "\r\n\r\nx");
    expect(SCAN_REFUSED, "Subject: a\r\n", line, 1, "");
}

static const struct {
    const char *mail, *id;
    guint received;
} facts[] = {
    { "Message-ID: <a@b>\r\nReceived: x\r\n\r\n", "<a@b>", 1 },
    { "message-id :\r\n\t<a@b> \r\nMessage-ID: <c@d>\r\n\r\n", "<a@b>", 0 },
    { "Message-ID:\r\nMessage-ID: <c@d>\r\n\r\n", NULL, 0 }, /* the first counts, and is none */
    { "Message-ID: <a\r\n @b>\r\n\r\n", "<a @b>", 0 },
    { "Message-ID: <a@b>", "<a@b>", 0 },
    { "Subject: x\r\n\r\nMessage-ID: <a@b>\r\nReceived: x\r\n", NULL, 0 },
    { "Subject: x\nReceived: 1\nRECEIVED:2\nReceived-SPF: pass\n\n", NULL, 2 },
    { "Content-Type: multipart/mixed; boundary=b\n\n--b\nMessage-ID: <a@b>\nReceived: x\n\n--b--\n", NULL, 0 },
    { "", NULL, 0 },
};

static void
test_facts(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(facts); i++)
        for (gsize step = 0; step < 4; step++) {
            g_autoptr(Scan) scan = scan_all(facts[i].mail, strlen(facts[i].mail), step);
            g_assert_cmpstr(scan_message_id(scan), ==, facts[i].id);
            g_assert_cmpuint(scan_received(scan), ==, facts[i].received);
        }
    g_autoptr(GString) mail = g_string_new("Message-ID: ");
    for (guint i = 0; i < SCAN_MAX_MESSAGE_ID_BYTES; i++)
        g_string_append_c(mail, 'x');
    g_autoptr(Scan) longest = scan_all(mail->str, mail->len, 0);
    g_assert_cmpuint(strlen(scan_message_id(longest)), ==, SCAN_MAX_MESSAGE_ID_BYTES);
    g_string_append_c(mail, 'x');
    g_autoptr(Scan) longer = scan_all(mail->str, mail->len, 0);
    g_assert_null(scan_message_id(longer));
}

/* Of all bytes, header and body, in pieces or not. */
static void
test_digest(void)
{
    g_autoptr(GString) mail = g_string_new("Subject: a\r\n\r\n");

    for (guint i = 0; i < 1000; i++)
        g_string_append_printf(mail, "line %u\r\n", i);
    g_autoptr(Scan) whole = scan_all(mail->str, mail->len, 0);
    ScanDigest want = scan_digest(whole);
    for (gsize step = 1; step < 2000; step += 333) {
        g_autoptr(Scan) pieces = scan_all(mail->str, mail->len, step);
        ScanDigest digest = scan_digest(pieces);
        g_assert_true(digest.high == want.high && digest.low == want.low);
    }
    for (gsize at = 0; at < mail->len; at += 101) {
        mail->str[at] ^= 1;
        g_autoptr(Scan) other = scan_all(mail->str, mail->len, 0);
        ScanDigest digest = scan_digest(other);
        g_assert_true(digest.high != want.high || digest.low != want.low);
        mail->str[at] ^= 1;
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/scan/offsets", test_offsets);
    g_test_add_func("/scan/header-caps", test_header_caps);
    g_test_add_func("/scan/part-caps", test_part_caps);
    g_test_add_func("/scan/depth", test_depth);
    g_test_add_func("/scan/boundaries", test_boundaries);
    g_test_add_func("/scan/large", test_large);
    g_test_add_func("/scan/facts", test_facts);
    g_test_add_func("/scan/digest", test_digest);
    return g_test_run();
}
