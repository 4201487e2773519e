#include "mail/translate.h"

#include <syslog.h>

#include "mail/charset.h"
#include "mail/charset_cp932.h"

/* The first character that ISO-2022-JP lacks, or 0. */
static gunichar
misfit(const char *text)
{
    for (const char *p = text ? text : ""; *p; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);
        if (!cp932_is_standard(c))
            return c;
    }
    return 0;
}

static gunichar
misfit_of_list(const GPtrArray *mailboxes)
{
    gunichar found = 0;

    for (guint i = 0; i < mailboxes->len && !found; i++)
        found = misfit(((const Mailbox *)mailboxes->pdata[i])->name);
    return found;
}

/* Whatever the API may put into the mail's header and bodies. */
static gunichar
misfit_of_mail(const Mail *mail)
{
    const char *const texts[] = { mail->subject, mail->from->name, mail->reply_to ? mail->reply_to->name : NULL,
                                  mail->to_header, mail->cc_header, mail->text, mail->html };
    gunichar found = misfit_of_list(mail->to);

    if (!found)
        found = misfit_of_list(mail->cc);
    for (guint i = 0; i < G_N_ELEMENTS(texts) && !found; i++)
        found = misfit(texts[i]);
    for (guint i = 0; i < mail->headers->len && !found; i++)
        found = misfit(((const MailHeader *)mail->headers->pdata[i])->value);
    for (guint i = 0; i < mail->attachments->len && !found; i++)
        found = misfit(((const MailPart *)mail->attachments->pdata[i])->filename);
    return found;
}

void
translate_charset(Translation *self)
{
    static const char iso_2022_jp[] = "ISO-2022-JP";
    int wanted = self->context->conf->charset;
    Mail *mail = self->mail;

    if (wanted == OUT_CHARSET_UTF_8)
        return;
    if (wanted == OUT_CHARSET_AS_SENT && g_strcmp0(charset_resolve(self->hint), iso_2022_jp) != 0)
        return;

    gunichar c = misfit_of_mail(mail);
    if (c)
        mail_note(mail, LOG_INFO, "charset-utf-8", "ISO-2022-JP lacks U+%04X", c);
    else
        mail->charset = iso_2022_jp;
}
