#include "mail/message.h"

#include "mail/tree.h"

#include <string.h>

static Message *
open_bytes(const char *bytes, gsize n, gsize memory, GError **error)
{
    g_autoptr(Spool) spool = spool_new(memory, NULL);
    g_autoptr(Scan) scan = scan_new();

    spool_append(spool, bytes, n);
    g_assert_true(spool_finish(spool, NULL));
    scan_push(scan, bytes, n);
    scan_finish(scan);
    return message_open(spool, scan, error);
}

/* The raw content of a leaf. */
static char *
content(GMimeObject *part)
{
    g_assert_true(GMIME_IS_PART(part));
    GMimeStream *stream = g_mime_data_wrapper_get_stream(g_mime_part_get_content((GMimePart *) part));
    GString *out = g_string_new(NULL);
    char block[7];
    ssize_t got;

    g_mime_stream_reset(stream);
    while ((got = g_mime_stream_read(stream, block, sizeof block)) > 0)
        g_string_append_len(out, block, got);
    g_assert_cmpint(got, ==, 0);
    g_assert_cmpint((gint64) out->len, ==, g_mime_stream_length(stream));
    return g_string_free(out, FALSE);
}

/* The tree as text: "multipart/mixed(text/plain[body]text/html[x])". */
static void
print_tree(GMimeObject *object, GString *out)
{
    g_autofree char *type = g_mime_content_type_get_mime_type(g_mime_object_get_content_type(object));

    g_string_append(out, type);
    if (!GMIME_IS_MULTIPART(object)) {
        g_autofree char *bytes = content(object);
        g_string_append_printf(out, "[%s]", bytes);
        return;
    }
    g_string_append_c(out, '(');
    for (int i = 0; i < g_mime_multipart_get_count((GMimeMultipart *) object); i++)
        print_tree(g_mime_multipart_get_part((GMimeMultipart *) object, i), out);
    g_string_append_c(out, ')');
}

static void
expect(const char *mail, const char *want)
{
    for (gsize memory = 0; memory < 2; memory++) { /* from a file, from memory */
        g_autoptr(GError) error = NULL;
        g_autoptr(Message) message = open_bytes(mail, strlen(mail), memory * 1024 * 1024, &error);
        g_assert_no_error(error);
        g_autoptr(GString) tree = g_string_new(message_is_flat(message) ? "flat " : "");
        print_tree(message_root(message), tree);
        g_assert_cmpstr(tree->str, ==, want);
    }
}

#define MIXED(boundary) "Content-Type: multipart/mixed; boundary=" boundary "\r\n\r\n"

static void
test_trees(void)
{
    expect("Subject: a\r\n\r\nbody\r\n", "text/plain[body\r\n]");
    expect("Subject: a\r\nContent-Type: text/html\r\n\r\n<p>", "text/html[<p>]");
    expect(MIXED("b") "pre\r\n--b\r\n\r\none\r\n--b\r\nContent-Type: image/png\r\n\r\ntwo\r\n--b--\r\npost",
           "multipart/mixed(text/plain[one]image/png[two])");
    expect(MIXED("b") "--b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n--c\r\n\r\na\r\n--c\r\n\r\nb\r\n"
           "--c--\r\n\r\n--b\r\n\r\nd\r\n--b--",
           "multipart/mixed(multipart/alternative(text/plain[a]text/plain[b])text/plain[d])");
    /* A forwarded mail is a leaf, with its own tree and addresses unread. */
    expect(MIXED("b") "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\nTo: x\r\n\r\ny\r\n--b--",
           "multipart/mixed(message/rfc822[Subject: in\r\nTo: x\r\n\r\ny])");
    expect("Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: in\r\n\r\ny\r\n--b--",
           "multipart/digest(message/rfc822[Subject: in\r\n\r\ny])");
    /* Nothing of the body is lost (A55, A66, A67). */
    expect("no header\r\n", "flat text/plain[no header\r\n]");
    expect(" a: b\r\n\r\nc", "flat text/plain[ a: b\r\n\r\nc]");
    expect("", "flat text/plain[]");
    expect("Content-Type: multipart/mixed\r\n\r\ntext\r\n", "flat text/plain[text\r\n]");
    expect(MIXED("b") "text\r\n--c\r\n", "flat text/plain[text\r\n--c\r\n]");
    expect("Content-Type: multipart/mixed; boundary=\"\"\r\n\r\na\r\n", "flat text/plain[a\r\n]");
    expect(MIXED("b") "--b\r\nContent-Type: multipart/alternative\r\n\r\nlost?\r\n--b--\r\n",
           "multipart/mixed(multipart/alternative(text/plain[lost?]))");
    expect("Content-Type: multipart/mixed; "
           "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx=\"\xc3\xa9\"\r\n\r\ntext",
           "flat text/plain[text]");
    expect("Content-Type: text\r\n\r\na", "flat text/plain[a]");
    /* One boundary is the beginning of the other; blanks behind; the end is missing. */
    expect(MIXED("bc") "--bc \r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n--bc--",
           "multipart/mixed(multipart/mixed(text/plain[x]))");
    expect(MIXED("b") "--b\r\n\r\nx", "multipart/mixed(text/plain[x])");
    /* Line ends of both kinds around delimiters. */
    expect(MIXED("b") "--b\r\n\r\nabc\n--b\r\n\r\nd\r\n--b\n\ne\n--b--\r\n",
           "multipart/mixed(text/plain[abc]text/plain[d]text/plain[e])");
    expect(MIXED("b") "--b\r\n\r\nabc\r\n\r\n--b--", "multipart/mixed(text/plain[abc\r\n])");
    /* A part without the empty line behind its header. */
    expect(MIXED("b") "--b\nabc\n--b\nContent-Type: text/html\n<p>\nx: y\n\nz\n--b--",
           "multipart/mixed(text/plain[abc]text/html[<p>\nx: y\n\nz])");
    expect(MIXED("b") "--b\r\nabc\r\n--b\r\nContent-Type: a/b\r\n<p>\r\n--b--",
           "multipart/mixed(text/plain[abc]a/b[<p>])");
    expect(MIXED("b") "--b\nabc", "multipart/mixed(text/plain[abc])");
    /* The last Content-Type counts. */
    expect("Content-Type: image/png\r\nContent-Type: text/html\r\n\r\nx", "text/html[x]");
}

static void
test_fields(void)
{
    static const char mail[] = "From a@b Mon\nTo: x\nSubject: =?utf-8?q?a?=\n =?utf-8?q?b?=\nto: y\n"
                               "Content-Type: text/plain; name=z\n\nbody";
    g_autoptr(Message) message = open_bytes(mail, sizeof mail - 1, 1024, NULL);

    g_assert_cmpuint(fields_count(message_fields(message)), ==, 4);
    g_assert_cmpstr(fields_get(message_fields(message), "to", 1), ==, " y");
    g_assert_cmpstr(fields_get(message_fields(message), "Subject", 0), ==, " =?utf-8?q?a?=\n =?utf-8?q?b?=");
    g_assert_cmpint(message_body_offset(message), ==, sizeof mail - 5);
    g_autofree char *type = g_strstrip(g_strdup(part_field(message_root(message), "content-TYPE")));
    g_assert_cmpstr(type, ==, "text/plain; name=z");
    g_assert_null(part_field(message_root(message), "subject"));
    g_assert_cmpint(spool_length(message_spool(message)), ==, sizeof mail - 1);
}

static void
test_inner_fields(void)
{
    static const char mail[] = MIXED("b") "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\ny\r\n--b--";
    g_autoptr(Message) message = open_bytes(mail, sizeof mail - 1, 1024, NULL);
    GMimeObject *part = g_mime_multipart_get_part((GMimeMultipart *) message_root(message), 0);
    g_autoptr(Fields) fields = part_inner_fields((GMimePart *) part);

    g_assert_cmpstr(fields_get(fields, "subject", 0), ==, " in");
    g_autofree char *bytes = content(part);
    g_assert_cmpstr(bytes, ==, "Subject: in\r\n\r\ny");
}

/* Parts keep the spool when the message is gone. */
static void
test_lifetime(void)
{
    static const char mail[] = MIXED("b") "--b\r\n\r\none\r\n--b--";
    g_autoptr(Message) message = open_bytes(mail, sizeof mail - 1, 0, NULL);
    GMimeObject *part = g_mime_multipart_get_part((GMimeMultipart *) message_root(message), 0);
    g_autoptr(GMimeStream) stream =
        g_object_ref(g_mime_data_wrapper_get_stream(g_mime_part_get_content((GMimePart *) part)));
    char block[16];

    g_clear_pointer(&message, message_free);
    g_mime_stream_reset(stream);
    g_assert_cmpint(g_mime_stream_read(stream, block, sizeof block), ==, 3);
    g_assert_cmpmem(block, 3, "one", 3);
}

static void
test_refused(void)
{
    g_autoptr(GString) mail = g_string_new("To: ");
    g_autoptr(GError) error = NULL;

    for (guint i = 0; i < 41500; i++)
        g_string_append(mail, "g:");
    g_string_append(mail, "\r\n\r\n");
    g_assert_null(open_bytes(mail->str, mail->len, 1 << 20, &error));
    g_assert_error(error, MAIL_ERROR, MAIL_ERROR_SYNTAX);
}

/* The groups of A61 where only GMime would look: a crash without forwarded mails as leaves. */
static void
test_hidden_groups(void)
{
    g_autoptr(GString) mail = g_string_new(MIXED("b") "--b\r\nContent-Type: message/rfc822\r\n\r\nTo: ");

    for (guint i = 0; i < 200000; i++)
        g_string_append(mail, "g:");
    g_string_append(mail, "\r\n\r\nx\r\n--b--\r\n");
    g_autoptr(Message) message = open_bytes(mail->str, mail->len, 1 << 20, NULL);
    g_assert_nonnull(message);
    g_assert_false(message_is_flat(message));
}

/* Mails of absurd structure come out whole as text (A62, issue: 10,000 nested parts). */
static void
test_flat(void)
{
    g_autoptr(GString) mail = g_string_new("Subject: a\r\n");
    for (guint i = 0; i < 10000; i++)
        g_string_append_printf(mail, "Content-Type: multipart/mixed; boundary=b%u\r\n\r\n--b%u\r\n", i, i);
    g_string_append(mail, "\r\nthe end");
    g_autoptr(Message) message = open_bytes(mail->str, mail->len, 1024, NULL);
    g_assert_true(message_is_flat(message));
    g_autofree char *bytes = content(message_root(message));
    g_assert_true(g_str_has_suffix(bytes, "the end"));
    g_assert_true(g_str_has_prefix(bytes, "--b0\r\n"));
    g_assert_nonnull(fields_get(message_fields(message), "subject", 0));
}

/* NUL and all other bytes, lines of a megabyte (A53, A56). */
static void
test_bytes(void)
{
    g_autoptr(GString) body = g_string_new(NULL);
    for (guint i = 0; i < 256; i++)
        g_string_append_c(body, (char) i);
    while (body->len < 1000000)
        g_string_append(body, "0123456789");
    g_autoptr(GString) mail = g_string_new(MIXED("b") "--b\r\n\r\n");
    g_string_append_len(mail, body->str, body->len);
    g_string_append(mail, "\r\n--b--");
    g_autoptr(Message) message = open_bytes(mail->str, mail->len, 1024, NULL);
    GMimeObject *part = g_mime_multipart_get_part((GMimeMultipart *) message_root(message), 0);
    GMimeStream *stream = g_mime_data_wrapper_get_stream(g_mime_part_get_content((GMimePart *) part));
    g_autofree char *got = g_malloc(body->len + 1);
    gsize have = 0;

    g_mime_stream_reset(stream);
    for (ssize_t n; (n = g_mime_stream_read(stream, got + have, body->len + 1 - have)) > 0;)
        have += n;
    g_assert_cmpmem(got, have, body->str, body->len);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/message/trees", test_trees);
    g_test_add_func("/message/fields", test_fields);
    g_test_add_func("/message/inner-fields", test_inner_fields);
    g_test_add_func("/message/lifetime", test_lifetime);
    g_test_add_func("/message/refused", test_refused);
    g_test_add_func("/message/hidden-groups", test_hidden_groups);
    g_test_add_func("/message/flat", test_flat);
    g_test_add_func("/message/bytes", test_bytes);
    return g_test_run();
}
