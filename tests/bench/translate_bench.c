/* What a translation costs beside GMime's own parse of the same bytes: the best of some runs, in processor time.
 * With "--once CASE READER" one run inside measured(), for callgrind. Mails and readers are the tables below. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mail/gmime.h"
#include "mail/mail.h"

#define HEADER "From: =?utf-8?B?5bGx55SwIOWkqumDjg==?= <yamada@example.jp>\r\nTo: Hanako <hanako@example.jp>\r\n" \
    "Cc: a@example.jp, b@example.jp\r\nSubject: =?ISO-2022-JP?B?GyRCRnxLXDhsJE43b0w+GyhC?=\r\n" \
    "Date: Fri, 6 Mar 2026 10:00:00 +0900\r\nMessage-ID: <bench@example.jp>\r\nMIME-Version: 1.0\r\n"

static void
append_base64(GString *out, const char *bytes, gsize n)
{
    for (gsize i = 0; i < n; i += 57) {
        g_autofree char *line = g_base64_encode((const guchar *)bytes + i, MIN(n - i, 57));
        g_string_append_printf(out, "%s\r\n", line);
    }
}

/* 10 KB as mail programs write it: 8-bit text, and HTML in base64. */
static GString *
small_mail(void)
{
    GString *out = g_string_new(HEADER "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n"
                                "Content-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n");
    g_autoptr(GString) html = g_string_new("<html><head><style>p { margin: 0 }</style></head><body>\r\n");

    for (guint i = 0; i < 40; i++)
        g_string_append(out, "お世話になっております。ご注文の品は次の通りです。\r\n");
    for (guint i = 0; i < 44; i++)
        g_string_append(html, "<p>お世話になっております。<b>ご注文</b>の品は次の通りです。</p>\r\n");
    g_string_append(html, "</body></html>\r\n");
    g_string_append(out, "--b\r\nContent-Type: text/html; charset=UTF-8\r\nContent-Transfer-Encoding: base64\r\n\r\n");
    append_base64(out, html->str, html->len);
    g_string_append(out, "--b--\r\n");
    return out;
}

/* 10 KB whose text a program must decode and whose HTML alone there is. */
static GString *
japanese_mail(void)
{
    GString *out = g_string_new(HEADER "Content-Type: text/html; charset=ISO-2022-JP\r\n\r\n<html><body>\r\n");

    for (guint i = 0; i < 110; i++)
        g_string_append(out, "<p>\x1b$B$*@$OC$K$J$C$F$*$j$^$9!#$4CmJ8$NIJ$O<!$NDL$j$G$9!#\x1b(B</p>\r\n");
    g_string_append(out, "</body></html>\r\n");
    return out;
}

static GString *
large_mail(void)
{
    char line[57];
    g_autoptr(GString) encoded = g_string_new(NULL);
    GString *out = g_string_new(HEADER "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nSee below.\r\n--b\r\n"
                                "Content-Type: application/pdf; name=big.pdf\r\n"
                                "Content-Transfer-Encoding: base64\r\n\r\n");

    for (gsize i = 0; i < sizeof line; i++)
        line[i] = (char)(i * 2654435761u >> 13);
    append_base64(encoded, line, sizeof line);
    for (gsize n = 0; n < 25 * 1024 * 1024; n += sizeof line)
        g_string_append_len(out, encoded->str, (gssize)encoded->len);
    g_string_append(out, "--b--\r\n");
    return out;
}

typedef struct {
    GString *bytes;
    Spool *spool;
} Input;

static void
read_ours(const Input *input, bool attachments)
{
    g_autoptr(Envelope) envelope = envelope_new("yamada@example.jp");
    TranslateConf conf = { 0 };
    TranslateContext context = { .conf = &conf, .hostname = "h.example.jp", .id = "1", .envelope = envelope };
    g_autoptr(Scan) scan = scan_new();

    scan_push(scan, input->bytes->str, input->bytes->len);
    scan_finish(scan);
    g_autoptr(Message) message = message_open(input->spool, scan, NULL);
    g_autoptr(Mail) mail = mail_from_message(message, &context, NULL);
    g_assert_nonnull(mail);
    for (guint i = 0; attachments && i < mail->attachments->len; i++) {
        g_autoptr(Source) source = mail_part_bytes(mail->attachments->pdata[i]);
        char block[16384];
        while (source_read(source, block, sizeof block, NULL) > 0)
            ;
    }
}

static void
scan_only(const Input *input)
{
    g_autoptr(Scan) scan = scan_new();

    scan_push(scan, input->bytes->str, input->bytes->len);
    g_assert_cmpint(scan_finish(scan), ==, SCAN_OK);
}

static void
translate(const Input *input)
{
    read_ours(input, false);
}

static void
translate_and_read(const Input *input)
{
    read_ours(input, true);
}

static GMimeMessage *
gmime_message(const Input *input)
{
    g_autoptr(GMimeStream) stream = g_mime_stream_mem_new_with_buffer(input->bytes->str, input->bytes->len);
    g_autoptr(GMimeParser) parser = g_mime_parser_new_with_stream(stream);

    return g_mime_parser_construct_message(parser, NULL);
}

static void
gmime_parse(const Input *input)
{
    g_autoptr(GMimeMessage) message = gmime_message(input);

    g_assert_nonnull(message);
}

static void
decode_part(GMimeObject *parent, GMimeObject *part, gpointer user)
{
    g_autoptr(GMimeStream) null = g_mime_stream_null_new();
    GMimeDataWrapper *content = GMIME_IS_PART(part) ? g_mime_part_get_content(GMIME_PART(part)) : NULL;

    if (content)
        g_mime_data_wrapper_write_to_stream(content, null);
}

static void
gmime_parse_and_decode(const Input *input)
{
    g_autoptr(GMimeMessage) message = gmime_message(input);

    g_mime_message_foreach(message, decode_part, NULL);
}

static const struct {
    const char *name, *what;
    GString *(*make)(void);
    guint runs;
} cases[] = {
    { "small", "10 KB, text and HTML", small_mail, 2000 },
    { "japanese", "10 KB, HTML in ISO-2022-JP", japanese_mail, 2000 },
    { "large", "25 MB attachment", large_mail, 5 },
};

static const struct {
    const char *name, *what;
    void (*read)(const Input *input);
} readers[] = {
    { "scan", "scan (while it arrives)", scan_only },
    { "translate", "scan, parse, translate", translate },
    { "translate-read", "and read the attachments", translate_and_read },
    { "gmime", "GMime: parse", gmime_parse },
    { "gmime-decode", "GMime: parse, decode", gmime_parse_and_decode },
};

/* callgrind counts inside this. */
void measured(const Input *input, void (*read)(const Input *input));

__attribute__((noinline)) void
measured(const Input *input, void (*read)(const Input *input))
{
    read(input);
}

static double
cpu_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void
run_case(guint c, const char *only, bool once)
{
    Input input = { cases[c].make(), spool_new(64 << 20, NULL) };

    spool_append(input.spool, input.bytes->str, input.bytes->len);
    g_assert_true(spool_finish(input.spool, NULL));
    for (guint r = 0; r < G_N_ELEMENTS(readers); r++) {
        double best = 1e18;

        if (only && strcmp(only, readers[r].name) != 0)
            continue;
        readers[r].read(&input); /* warm */
        for (guint i = 0; i < (once ? 1 : cases[c].runs); i++) {
            double start = cpu_us();
            measured(&input, readers[r].read);
            best = MIN(best, cpu_us() - start);
        }
        if (!once)
            printf("%-28s %-26s %9.1f us %8.1f MB/s\n", cases[c].what, readers[r].what, best,
                   (double)input.bytes->len / best);
    }
    spool_unref(input.spool);
    g_string_free(input.bytes, TRUE);
}

int
main(int argc, char **argv)
{
    bool once = argc == 4 && strcmp(argv[1], "--once") == 0;

    gmime_ready();
    for (guint c = 0; c < G_N_ELEMENTS(cases); c++)
        if (!once || strcmp(argv[2], cases[c].name) == 0)
            run_case(c, once ? argv[3] : NULL, once);
    return 0;
}
