#include "provider/arara.h"

#include "provider/arara_request.h"

#include <string.h>

static const char *const multi_to_names[] = { "cc", "separate", NULL };

static const ConfKey arara_keys[] = {
    CONF_KEY(AraraConf, oauth.token_url, "token-url", CONF_STRING, NULL),
    CONF_KEY(AraraConf, oauth.client_id, "client-id", CONF_STRING, NULL, .required = true),
    CONF_KEY(AraraConf, oauth.client_secret_file, "client-secret-file", CONF_STRING, NULL, .required = true),
    CONF_KEY(AraraConf, oauth.token_header, "token-header", CONF_STRING, "Authorization: Bearer %s"),
    CONF_KEY(AraraConf, multi_to, "multi-to", CONF_CHOICE, "cc", .choices = multi_to_names),
    CONF_KEY(AraraConf, max_subject, "max-subject", CONF_UINT, "500", .min = 10, .max = 10000),
    CONF_KEY(AraraConf, max_recipients, "max-recipients", CONF_UINT, "100", .min = 1, .max = 10000),
    { 0 },
};

static bool
arara_prepare(Provider *self, const ConfFile *file, GError **error)
{
    AraraConf *conf = self->conf;
    OauthSection section = { file, self->name, self->url, self->allow_http };

    if (g_str_has_suffix(self->url, "/send"))
        return conf_fail(file, "account", self->name, "url", error, "the URL must end before /send");
    self->key = oauth_prepare(&conf->oauth, &section, error);
    if (!self->key)
        return false;
    self->limits.subject_bytes = conf->max_subject;
    return true;
}

static void
move(GPtrArray *to, const GPtrArray *from, guint *next, guint max)
{
    for (guint end = MIN(from->len, *next + max); *next < end; (*next)++) {
        const Mailbox *box = from->pdata[*next];
        g_ptr_array_add(to, mailbox_new(box->name, box->address));
    }
}

/* cc and bcc are texts with commas between addresses: no place for "a,b"@example.org. */
static bool
is_listable(const Mailbox *box)
{
    return strpbrk(box->address, " \t,;:<>()[]\\\"") == NULL;
}

/* Splits from into addresses fit for a list and others. The first may stand in `to` if it is to be the first. */
static void
sort(const GPtrArray *from, GPtrArray *listed, GPtrArray *alone, bool first_in_to)
{
    for (guint i = 0; i < from->len; i++) {
        bool fits = is_listable(from->pdata[i]) || (first_in_to && listed->len == 0);
        g_ptr_array_add(fits ? listed : alone, from->pdata[i]);
    }
}

/* Beside cc or bcc a delivery has one To, elements without them see themselves alone: where
 * recipients who may not be seen go, and those who fit no list. */
static GPtrArray *
arara_partition(const Provider *self, const Mail *mail, const Recipients *recipients)
{
    const AraraConf *conf = self->conf;
    GPtrArray *calls = g_ptr_array_new_with_free_func((GDestroyNotify) call_free);
    g_autoptr(GPtrArray) visible = g_ptr_array_new();
    g_autoptr(GPtrArray) hidden = g_ptr_array_new();
    g_autoptr(GPtrArray) alone = g_ptr_array_new();
    bool separate = conf->multi_to == ARARA_MULTI_TO_SEPARATE && recipients->cc->len + recipients->hidden->len == 0;
    guint max = conf->max_recipients;
    guint shown = 0, blind = 0, single = 0;

    if (separate)
        g_ptr_array_extend(alone, recipients->to, NULL, NULL);
    else
        sort(recipients->to, visible, alone, true);
    sort(recipients->cc, visible, alone, true);
    if (visible->len > 0)
        sort(recipients->hidden, hidden, alone, false);
    else
        g_ptr_array_extend(alone, recipients->hidden, NULL, NULL);
    while (shown < visible->len) {
        Call *call = call_new(NULL);
        move(call->to, visible, &shown, 1);
        move(call->cc, visible, &shown, max - 1);
        move(call->bcc, hidden, &blind, max - call_size(call));
        g_ptr_array_add(calls, call);
    }
    for (; blind < hidden->len; blind++)
        g_ptr_array_add(alone, hidden->pdata[blind]);
    while (single < alone->len) {
        Call *call = call_new(NULL);
        move(call->to, alone, &single, max);
        call->each_alone = call->to->len > 1;
        g_ptr_array_add(calls, call);
    }
    return calls;
}

/* The subject's limit is documented (the account's own replaces it in arara_prepare()); the texts' are those of the
 * other API; attachments as the public client of version 1 has them; one call at a time, as no rate is named. A file name has an
 * extension by the documents; the "about 1,000 bytes" of a line are those of the web pages' manual. */
const ProviderDriver provider_arara = {
    .name = "arara",
    .limits = { .subject_bytes = 500, .text_chars = 524228, .html_chars = 524228, .line_bytes = 998,
                .attachments = 3, .calls = 1, .extensions = true, .no_headers = true },
    .keys = arara_keys,
    .conf_size = sizeof(AraraConf),
    .hold_s = 32 * 24 * 3600, /* a send_time 32 days ahead or more is an error */
    .prepare = arara_prepare,
    .partition = arara_partition,
    .build = arara_build,
    .judge = arara_judge,
    .login = arara_login,
    .token = arara_token,
    .probe = arara_probe,
    .probed = arara_probed,
};
