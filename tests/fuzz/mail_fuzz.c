/* Fuzzes all that reads a mail: the scan, the decoders, the tree, the translation. The input is the mail.
 * What must hold is asserted. */
#include "mail/charset.h"
#include "mail/encoded_word.h"
#include "mail/filename.h"
#include "mail/html_text.h"
#include "mail/tree.h"

#include <stdlib.h>
#include <string.h>

#include "tests/mail/corpus_mail.h"

int LLVMFuzzerTestOneInput(const guint8 *data, size_t n);

#define MUST(x)      \
    do {             \
        if (!(x))    \
            abort(); \
    } while (0)

/* The verdict must not depend on how the bytes come. */
static Scan *
scan_twice(const char *bytes, gsize n)
{
    g_autoptr(Scan) whole = scan_new();
    Scan *pieces = scan_new();

    scan_push(whole, bytes, n);
    scan_finish(whole);
    for (gsize i = 0, step = 1; i < n; i += step, step = step % 7 + 1)
        scan_push(pieces, bytes + i, MIN(step, n - i));
    scan_finish(pieces);
    MUST(scan_verdict(whole) == scan_verdict(pieces));
    MUST(strcmp(scan_reason(whole), scan_reason(pieces)) == 0);
    MUST(scan_header_offset(whole) == scan_header_offset(pieces));
    MUST(scan_body_offset(whole) == scan_body_offset(pieces));
    MUST(scan_header_offset(whole) <= scan_body_offset(whole) && scan_body_offset(whole) <= (gint64)n);
    return pieces;
}

static void
check_line(char *text)
{
    MUST(g_utf8_validate(text, -1, NULL));
    for (const char *p = text; *p; p++)
        MUST((guchar)*p >= ' ' && *p != 0x7f);
    g_free(text);
}

static void
decode_fields(const Fields *fields)
{
    for (guint i = 0; i < fields_count(fields); i++) {
        const Field *field = fields_at(fields, i);
        check_line(encoded_word_decode(field->value, "iso-2022-jp"));
        g_autofree char *name = filename_from_field(field->value, "filename", "shift_jis");
        if (!name)
            continue;
        MUST(g_utf8_validate(name, -1, NULL));
        char *clean = filename_clean(name);
        MUST(strlen(clean) <= 200 && !strchr(clean, '/') && *clean != '.');
        check_line(clean);
    }
}

/* GMime must find no more parts than the scan allowed; one per block of its buffer may hide in long lines. */
static guint
count_parts(GMimeObject *object, guint depth)
{
    guint count = 1;

    MUST(depth <= SCAN_MAX_DEPTH + 1);
    if (GMIME_IS_MULTIPART(object))
        for (int i = 0; i < g_mime_multipart_get_count((GMimeMultipart *)object); i++)
            count += count_parts(g_mime_multipart_get_part((GMimeMultipart *)object, i), depth + 1);
    return count;
}

static void
decode_body(const char *bytes, gsize n)
{
    static const char *const labels[] = { NULL, "utf-8", "iso-2022-jp", "shift_jis", "euc-jp", "utf-16", "utf-7" };

    for (guint i = 0; i < G_N_ELEMENTS(labels); i++) {
        g_autofree char *text = charset_to_utf8(bytes, n, labels[i], NULL, NULL);
        MUST(g_utf8_validate(text, -1, NULL));
        g_autofree char *plain = html_text(text, 1000);
        MUST(strlen(plain) <= 1000 && g_utf8_validate(plain, -1, NULL));
    }
}

static void
translate(const char *bytes, gsize n)
{
    static TranslateConf conf;
    g_autoptr(Envelope) envelope = envelope_new("sender@example.jp");
    TranslateContext context = {
        .conf = &conf, .hostname = "mx.example.jp", .default_domain = "example.jp", .id = "F1",
        .envelope = envelope, .text_chars = 1000, .html_chars = 1000, .header_bytes = 998,
    };

    if (!conf.empty_subject)
        conf.empty_subject = g_strdup("(no subject)");
    envelope_add_recipient(envelope, "to@example.org");
    g_autoptr(Mail) mail = corpus_translate(bytes, n, &context, NULL);
    if (mail)
        corpus_check(mail);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t n)
{
    const char *bytes = (const char *)data;
    g_autoptr(Scan) scan = scan_twice(bytes, n);
    g_autoptr(Spool) spool = spool_new(1 << 20, NULL);

    spool_append(spool, bytes, n);
    MUST(spool_finish(spool, NULL));
    g_autoptr(Message) message = message_open(spool, scan, NULL);
    MUST(!message == (scan_verdict(scan) == SCAN_REFUSED));
    decode_body(bytes, n);
    if (!message)
        return 0;
    decode_fields(message_fields(message));
    MUST(count_parts(message_root(message), 0) <= 2 * SCAN_MAX_PARTS + n / 1024 + 2);
    translate(bytes, n);
    return 0;
}
