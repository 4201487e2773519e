#include "mail/dsn_text.h"

#include "mail/charset.h"
#include "mail/encoded_word.h"

#include <string.h>

enum { SUBJECT_CHARS = 150 };

static const char *const subjects[] = {
    [DSN_FAILED] = "Undelivered mail",
    [DSN_DELAYED] = "Delayed mail",
    [DSN_RELAYED] = "Mail handed over",
};

static const char *const english[] = {
    [DSN_FAILED] = "Your mail could not be delivered to the recipients named below.\r\n"
                   "It is not tried any more.\r\n",
    [DSN_DELAYED] = "Your mail has not been delivered to the recipients named below yet.\r\n"
                    "There is nothing you need to do: it is tried again and again until\r\n"
                    "%s. If it has to be given up then, you will be told.\r\n",
    [DSN_RELAYED] = "Your mail was handed over to the mail service for the recipients named\r\n"
                    "below. The service does not report when it arrives.\r\n",
};

static const char *const japanese[] = {
    [DSN_FAILED] = "お送りになったメールは、下記の宛先に届けることができませんでした。\r\n"
                   "これ以上の再送は行われません。\r\n",
    [DSN_DELAYED] = "お送りになったメールは、下記の宛先にまだ届いていません。\r\n"
                    "%s まで自動的に再送を続けますので、送り直す必要はありません。\r\n"
                    "それまでに届かなかった場合は、改めてお知らせします。\r\n",
    [DSN_RELAYED] = "お送りになったメールは、下記の宛先への配信サービスに引き渡されました。\r\n"
                    "配信サービスは到着を報告しません。\r\n",
};

/* What a failure means that was not a refusal. */
static const struct {
    OutcomeVerdict verdict;
    const char *english, *japanese;
} reasons[] = {
    { OUTCOME_OPEN, "it could not be tried in time", "期限内に送信できませんでした" },
    { OUTCOME_TRANSIENT, "the same until the time for trying was over", "再送期限まで同じ状態が続きました" },
    { OUTCOME_UNKNOWN, "no answer came: it may have been delivered all the same",
      "応答がありませんでした。届いている可能性もあります" },
};

static bool
has_japanese_letters(const char *text)
{
    for (const char *p = text; *p; p = g_utf8_next_char(p)) {
        GUnicodeScript script = g_unichar_get_script(g_utf8_get_char(p));
        if (script == G_UNICODE_SCRIPT_HIRAGANA || script == G_UNICODE_SCRIPT_KATAKANA ||
            script == G_UNICODE_SCRIPT_HAN)
            return true;
    }
    return false;
}

static bool
names_japanese_charset(const char *value)
{
    static const char *const labels[] = { "iso-2022-jp", "shift_jis", "shift-jis", "x-sjis", "windows-31j", "euc-jp",
                                          "cp932" };
    g_autofree char *lower = g_ascii_strdown(value, -1);

    for (guint i = 0; i < G_N_ELEMENTS(labels); i++)
        if (strstr(lower, labels[i]))
            return true;
    return false;
}

/* The fields that people write, and the one that says what in. */
static bool
is_japanese(const Fields *original)
{
    static const char *const names[] = { "Subject", "From", "To", "Cc", "Content-Type" };

    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        const char *value = fields_get(original, names[i], 0);
        g_autofree char *decoded = value ? encoded_word_decode(value, NULL) : NULL;
        if (decoded && (names_japanese_charset(value) || has_japanese_letters(decoded)))
            return true;
    }
    return false;
}

/* The original's, decoded and cut; "" if it has none. */
static char *
original_subject(const Dsn *self)
{
    const char *value = fields_get(self->original, "Subject", 0);
    g_autofree char *subject = encoded_word_decode(value ? value : "", NULL);

    if (g_utf8_strlen(subject, -1) <= SUBJECT_CHARS)
        return g_steal_pointer(&subject);
    g_autofree char *cut = g_utf8_substring(subject, 0, SUBJECT_CHARS);
    return g_strconcat(cut, "…", NULL);
}

char *
dsn_subject(const Dsn *self)
{
    g_autofree char *subject = original_subject(self);

    return g_strconcat(subjects[dsn_action(self)], *subject ? ": " : "", subject, NULL);
}

static char *
date_for_people(gint64 ms)
{
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_local(ms / 1000);

    return time ? g_date_time_format(time, "%Y-%m-%d %H:%M %z") : g_strdup("?");
}

/* Valid UTF-8 without control characters, and without those that turn the direction of what follows. */
static void
put_clean(GString *out, const char *text)
{
    g_autofree char *valid = charset_valid_utf8(text, -1);

    for (const char *p = valid; *p; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);
        if (g_unichar_iscntrl(c) || g_unichar_type(c) == G_UNICODE_FORMAT)
            g_string_append_c(out, '?');
        else
            g_string_append_len(out, p, g_utf8_next_char(p) - p);
    }
}

static void
put_reason(GString *out, OutcomeVerdict verdict, bool in_japanese)
{
    for (guint i = 0; i < G_N_ELEMENTS(reasons); i++) {
        if (reasons[i].verdict != verdict)
            continue;
        g_string_append_printf(out, "    (%s)\r\n", reasons[i].english);
        if (in_japanese)
            g_string_append_printf(out, "    (%s)\r\n", reasons[i].japanese);
    }
}

static void
put_words(const DsnRecipient *recipient, GString *out)
{
    const Outcome *outcome = recipient->outcome;
    const char *text = recipient->words ? recipient->words : outcome->text;

    if (!text || !*text)
        return;
    g_string_append(out, "    ");
    if (!recipient->words) {
        g_string_append_printf(out, "%d ", outcome->code);
        put_clean(out, outcome->dsn);
        g_string_append(out, *outcome->dsn ? " " : "");
    }
    put_clean(out, text);
    g_string_append(out, "\r\n");
}

static void
put_recipient(const DsnRecipient *recipient, bool in_japanese, GString *out)
{
    g_string_append(out, "  <");
    put_clean(out, recipient->address);
    g_string_append(out, ">\r\n");
    put_words(recipient, out);
    if (recipient->action == DSN_FAILED)
        put_reason(out, recipient->outcome->verdict, in_japanese);
}

static void
put_explanation(const Dsn *self, const char *words, GString *out)
{
    g_autofree char *until = date_for_people(self->until_ms);
    g_auto(GStrv) pieces = g_strsplit(words, "%s", 2);
    g_autofree char *text = g_strjoinv(until, pieces);

    g_string_append(out, text);
    g_string_append(out, "\r\n");
}

/* What happened to those with this action. Of all recipients, *room may yet be named. */
static void
put_news(const Dsn *self, DsnAction action, bool in_japanese, guint *room, GString *out)
{
    guint left_out = 0, n = 0;

    for (guint i = 0; i < self->n_recipients; i++) {
        const DsnRecipient *recipient = &self->recipients[i];
        if (recipient->action != action)
            continue;
        if (n++ == 0) {
            put_explanation(self, english[action], out);
            if (in_japanese)
                put_explanation(self, japanese[action], out);
        }
        if (*room > 0) {
            put_recipient(recipient, in_japanese, out);
            --*room;
        } else {
            left_out++;
        }
    }
    if (left_out > 0)
        g_string_append_printf(out, "  and %u more, see the attached report\r\n", left_out);
    if (n > 0)
        g_string_append(out, "\r\n");
}

char *
dsn_text(const Dsn *self)
{
    GString *out = g_string_new("This is the mail system at ");
    bool in_japanese = is_japanese(self->original);
    g_autofree char *subject = original_subject(self);
    g_autofree char *arrived = date_for_people(self->arrived_ms);
    guint room = DSN_TEXT_RECIPIENTS;

    put_clean(out, self->hostname);
    g_string_append(out, ". It is about your mail:\r\n\r\n");
    if (*subject) {
        g_string_append(out, "  Subject: ");
        put_clean(out, subject);
        g_string_append(out, "\r\n");
    }
    g_string_append_printf(out, "  Arrived: %s\r\n\r\n", arrived);
    for (DsnAction action = DSN_FAILED; action <= DSN_RELAYED; action++)
        put_news(self, action, in_japanese, &room, out);
    return g_string_free(out, FALSE);
}
