#include "provider/feedback_conf.h"

#include "mail/address.h"

#include <string.h>

#define DAY_MS (24 * 3600 * G_GINT64_CONSTANT(1000))

/* suppression is yes where feedback is, unless it is said. */
static const ConfKey keys[] = {
    CONF_KEY(FeedbackConf, on, "feedback", CONF_BOOL, "no"),
    CONF_KEY(FeedbackConf, to, "feedback-to", CONF_STRING, "sender"),
    CONF_KEY(FeedbackConf, lifetime_ms, "feedback-lifetime", CONF_TIME, "7d", .min = 3600 * 1000, .max = 90 * DAY_MS),
    CONF_KEY(FeedbackConf, interval_ms, "feedback-interval", CONF_TIME, "5m", .min = 1000, .max = DAY_MS),
    CONF_KEY(FeedbackConf, suppression, "suppression", CONF_BOOL, "no"),
    CONF_KEY(FeedbackConf, exempt, "suppression-exempt", CONF_LIST, NULL),
    CONF_KEY(FeedbackConf, suppression_lifetime_ms, "suppression-lifetime", CONF_TIME, "180d", .min = 0,
             .max = 3650 * DAY_MS),
    CONF_KEY(FeedbackConf, rate, "bounce-rate-warning", CONF_STRING, NULL),
    { 0 },
};

static const struct {
    const char *prefix;
    FeedbackTarget target;
} targets[] = {
    { "lmtp:", FEEDBACK_TO_LMTP },
    { "maildir:", FEEDBACK_TO_MAILDIR },
    { "command:", FEEDBACK_TO_COMMAND },
};

/* NULL: fine. */
static const char *
read_command(FeedbackConf *self, const char *command)
{
    g_auto(GStrv) words = g_strsplit_set(command, " \t", -1);
    g_autoptr(GPtrArray) argv = g_ptr_array_new();

    for (guint i = 0; words[i]; i++) {
        if (*words[i])
            g_ptr_array_add(argv, g_strdup(words[i]));
    }
    bool named = argv->len > 0 && *(const char *) argv->pdata[0] == '/';
    g_ptr_array_add(argv, NULL);
    self->argv = (char **) g_ptr_array_free(g_steal_pointer(&argv), FALSE);
    return named ? NULL : "needs a program's whole path";
}

static const char *
read_target(FeedbackConf *self)
{
    if (strcmp(self->to, "sender") == 0)
        return NULL;
    for (guint i = 0; i < G_N_ELEMENTS(targets); i++) {
        if (!g_str_has_prefix(self->to, targets[i].prefix))
            continue;
        const char *value = self->to + strlen(targets[i].prefix);
        self->target = targets[i].target;
        self->target_value = g_strdup(value);
        if (self->target == FEEDBACK_TO_COMMAND)
            return read_command(self, value);
        return *value == '/' ? NULL : "needs a whole path";
    }
    self->target = FEEDBACK_TO_ADDRESS;
    self->target_value = g_strdup(self->to);
    bool fine = address_check(self->to) == ADDRESS_OK && address_domain(self->to);
    return fine ? NULL : "is not sender, an address, lmtp:SOCKET, maildir:PATH or command:PROGRAM";
}

/* "5%", "0.5%" */
static bool
read_rate(FeedbackConf *self)
{
    char *end = NULL;
    double percent = g_ascii_strtod(self->rate, &end);

    if (end == self->rate || strcmp(end, "%") != 0 || !(percent >= 0.1 && percent <= 100))
        return false;
    self->rate_per_mill = (guint) (percent * 10 + 0.5);
    return true;
}

bool
feedback_conf_read(FeedbackConf *self, ConfFile *file, const char *name, GError **error)
{
    if (!conf_read(file, "account", name, keys, self, error))
        return false;
    if (!conf_has(file, "account", name, "suppression"))
        self->suppression = self->on;
    const char *fault = read_target(self);
    if (fault)
        return conf_fail(file, "account", name, "feedback-to", error, "'%s' %s", self->to, fault);
    if (self->rate && !read_rate(self))
        return conf_fail(file, "account", name, "bounce-rate-warning", error, "'%s' is not a share such as 5%%", self->rate);
    return true;
}

void
feedback_conf_clear(FeedbackConf *self)
{
    conf_clear(keys, self);
    g_free(self->target_value);
    g_strfreev(self->argv);
    *self = (FeedbackConf) { 0 };
}

void
feedback_conf_print(const FeedbackConf *self, GString *out)
{
    conf_print(keys, self, out);
}

bool
feedback_conf_is_exempt(const FeedbackConf *self, const char *address)
{
    const char *domain = address_domain(address);

    for (guint i = 0; self->exempt && self->exempt[i]; i++) {
        const char *one = self->exempt[i];
        bool whole = *one != '@' && address_domain(one);
        bool same = whole ? address_same(one, address)
                          : domain && g_ascii_strcasecmp(one + (*one == '@'), domain) == 0;
        if (same)
            return true;
    }
    return false;
}
