#include "provider/provider.h"

#include "http/url.h"
#include "provider/arara.h"
#include "provider/cmc.h"

#include <string.h>

enum { KEY_DIGEST_LENGTH = 16 };

const ProviderDriver *const provider_drivers[] = { &provider_cmc, &provider_arara, NULL };

static const char *const over_limits_names[] = { "adapt", "refuse", NULL };
static const char *const unknown_outcome_names[] = { "retry", "hold", NULL };

/* Read into the Provider itself. Limits that stay 0 are the driver's. */
static const ConfKey account_keys[] = {
    CONF_KEY(Provider, driver_name, "provider", CONF_STRING, NULL, .required = true),
    CONF_KEY(Provider, url, "url", CONF_STRING, NULL, .required = true),
    CONF_KEY(Provider, allow_http, "allow-http", CONF_BOOL, "no"),
    CONF_KEY(Provider, limits.mail_bytes, "max-mail-size", CONF_SIZE, NULL, .min = 1, .max = G_MAXINT64),
    CONF_KEY(Provider, limits.attachments, "max-attachments", CONF_UINT, NULL, .min = 1, .max = 1000),
    CONF_KEY(Provider, limits.calls, "max-calls", CONF_UINT, NULL, .min = 1, .max = 1000),
    CONF_KEY(Provider, over_limits, "limits", CONF_CHOICE, "adapt", .choices = over_limits_names),
    CONF_KEY(Provider, unknown_outcome, "unknown-outcome", CONF_CHOICE, "retry", .choices = unknown_outcome_names),
    CONF_KEY(Provider, max_pause_ms, "max-pause", CONF_TIME, "5m", .min = 0, .max = 3600 * 1000),
    CONF_KEY(Provider, fallback_name, "fallback", CONF_STRING, NULL),
    { 0 },
};

Call *
call_new(const char *key)
{
    Call *self = g_new0(Call, 1);

    self->to = g_ptr_array_new_with_free_func((GDestroyNotify) mailbox_free);
    self->cc = g_ptr_array_new_with_free_func((GDestroyNotify) mailbox_free);
    self->bcc = g_ptr_array_new_with_free_func((GDestroyNotify) mailbox_free);
    self->key = g_strdup(key);
    return self;
}

void
call_free(Call *self)
{
    if (!self)
        return;
    g_ptr_array_unref(self->to);
    g_ptr_array_unref(self->cc);
    g_ptr_array_unref(self->bcc);
    g_free(self->key);
    g_free(self);
}

guint
call_size(const Call *self)
{
    return self->to->len + self->cc->len + self->bcc->len;
}

const Mailbox *
call_recipient(const Call *self, guint i)
{
    if (i < self->to->len)
        return self->to->pdata[i];
    i -= self->to->len;
    if (i < self->cc->len)
        return self->cc->pdata[i];
    i -= self->cc->len;
    g_assert(i < self->bcc->len);
    return self->bcc->pdata[i];
}

static int
compare_texts(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* Of the set of recipients, whatever their order. Caller frees. */
static char *
recipients_digest(const Call *call)
{
    g_autoptr(GPtrArray) addresses = g_ptr_array_new();
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);

    for (guint i = 0; i < call_size(call); i++)
        g_ptr_array_add(addresses, call_recipient(call, i)->address);
    g_ptr_array_sort(addresses, compare_texts);
    for (guint i = 0; i < addresses->len; i++)
        g_checksum_update(sum, addresses->pdata[i], (gssize) strlen(addresses->pdata[i]) + 1); /* with its end */
    return g_strndup(g_checksum_get_string(sum), KEY_DIGEST_LENGTH);
}

void
calls_set_keys(GPtrArray *calls, const char *entry_id, guint n)
{
    for (guint i = 0; i < calls->len; i++) {
        Call *call = calls->pdata[i];
        g_autofree char *digest = recipients_digest(call);
        g_free(call->key);
        call->key = call_size(call) == n ? g_strdup(entry_id) : g_strconcat(entry_id, "-", digest, NULL);
    }
}

static const ProviderDriver *
driver_find(const char *name)
{
    for (guint i = 0; provider_drivers[i]; i++) {
        if (g_str_equal(provider_drivers[i]->name, name))
            return provider_drivers[i];
    }
    return NULL;
}

static char *
driver_names(void)
{
    GString *names = g_string_new(NULL);

    for (guint i = 0; provider_drivers[i]; i++)
        g_string_append_printf(names, "%s%s", i ? ", " : "", provider_drivers[i]->name);
    return g_string_free(names, FALSE);
}

/* The driver's limits, but for those that the account sets. */
static void
limits_complete(Provider *self)
{
    ProviderLimits set = self->limits;

    self->limits = self->driver->limits;
    if (set.mail_bytes)
        self->limits.mail_bytes = set.mail_bytes;
    if (set.attachments)
        self->limits.attachments = set.attachments;
    if (set.calls)
        self->limits.calls = set.calls;
}

static bool
account_check(Provider *self, const ConfFile *file, GError **error)
{
    const char *fault = http_url_fault(self->url, self->allow_http);
    if (fault)
        return conf_fail(file, "account", self->name, "url", error, "the URL %s", fault);
    while (g_str_has_suffix(self->url, "/"))
        self->url[strlen(self->url) - 1] = '\0';

    const char *from = self->translate.default_from;
    if (from && (address_check(from) != ADDRESS_OK || !address_domain(from)))
        return conf_fail(file, "account", self->name, "default-from", error, "'%s' is not a mail address", from);
    return true;
}

Provider *
provider_open(ConfFile *file, const char *name, GError **error)
{
    g_autoptr(Provider) self = g_new0(Provider, 1);

    self->name = g_strdup(name);
    if (!conf_read(file, "account", name, account_keys, self, error))
        return NULL;
    self->driver = driver_find(self->driver_name);
    if (!self->driver) {
        g_autofree char *names = driver_names();
        conf_fail(file, "account", name, "provider", error, "no provider '%s'; there is: %s", self->driver_name, names);
        return NULL;
    }
    limits_complete(self);
    if (!conf_read(file, "account", name, translate_conf_keys, &self->translate, error) ||
        !feedback_conf_read(&self->feedback, file, name, error))
        return NULL;
    self->conf = g_malloc0(MAX(self->driver->conf_size, 1));
    if (!conf_read(file, "account", name, self->driver->keys, self->conf, error) || !account_check(self, file, error))
        return NULL;
    if (self->driver->prepare && !self->driver->prepare(self, file, error))
        return NULL;
    return g_steal_pointer(&self);
}

void
provider_free(Provider *self)
{
    if (!self)
        return;
    conf_clear(account_keys, self);
    conf_clear(translate_conf_keys, &self->translate);
    feedback_conf_clear(&self->feedback);
    if (self->conf)
        conf_clear(self->driver->keys, self->conf);
    g_free(self->conf);
    secret_free(self->key);
    g_free(self->name);
    g_free(self);
}

void
provider_print(const Provider *self, GString *out)
{
    g_string_append_printf(out, "[account %s]\n", self->name);
    conf_print(account_keys, self, out);
    conf_print(self->driver->keys, self->conf, out);
    conf_print(translate_conf_keys, &self->translate, out);
    feedback_conf_print(&self->feedback, out);
}

static gint64
base64_bytes(gint64 n)
{
    return (n + 2) / 3 * 4;
}

gint64
provider_mail_bytes(const Mail *mail)
{
    gint64 total = base64_bytes((gint64) strlen(mail->text));

    if (mail->html)
        total += base64_bytes((gint64) strlen(mail->html));
    for (guint i = 0; i < mail->attachments->len; i++) {
        const MailPart *part = mail->attachments->pdata[i];
        total += base64_bytes(part->length);
    }
    for (guint i = 0; i < mail->headers->len; i++) {
        const MailHeader *header = mail->headers->pdata[i];
        total += (gint64) (strlen(header->name) + strlen(header->value) + strlen(": \r\n"));
    }
    return total;
}
