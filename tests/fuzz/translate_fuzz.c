/* Any bytes as a mail: either refused with a MailError, or a Mail with the properties of corpus_check(). The
 * length picks the settings, so that a file replays the same way. */
#include "tests/mail/corpus_mail.h"

int LLVMFuzzerTestOneInput(const guint8 *data, size_t n);

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t n)
{
    static const char *domains[] = { "example.jp", NULL };
    g_autoptr(Envelope) envelope = envelope_new(n % 3 ? "sender@example.jp" : "");
    TranslateConf conf = {
        .from_domains = n % 5 ? NULL : (char **)domains,
        .default_from = n % 7 ? (char *)"Account <noreply@example.jp>" : NULL,
        .inline_images = n % 2 ? INLINE_IMAGES_DATA_URI : INLINE_IMAGES_ATTACH,
        .charset = (int)(n % 3),
        .encrypted = n % 4 ? ENCRYPTED_REFUSE : ENCRYPTED_ATTACH,
    };
    TranslateContext context = {
        .conf = &conf,
        .hostname = "web1.example.jp",
        .default_domain = n % 11 ? "example.jp" : NULL,
        .id = "3fQz81",
        .envelope = envelope,
        .text_chars = n % 13 ? 0 : 20,
        .html_chars = n % 13 ? 0 : 200,
        .header_bytes = 100,
    };
    g_autoptr(GError) error = NULL;

    envelope->submission = n % 6 == 0;
    envelope->from_headers = n % 6 == 0;
    g_autoptr(Mail) mail = corpus_translate((const char *)data, n, &context, &error);
    if (mail)
        corpus_check(mail);
    else
        g_assert_cmpuint(error->domain, ==, MAIL_ERROR);
    return 0;
}
