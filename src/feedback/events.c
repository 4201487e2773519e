#include "feedback/state.h"

#include "base/cut.h"
#include "mail/address.h"
#include "mail/address_list.h"

#include <string.h>

enum { ID_BYTES = 1024, REASON_BYTES = 400 };

FeedbackEvents *
feedback_events_new(const char *account, const char *source)
{
    FeedbackEvents *self = g_new0(FeedbackEvents, 1);

    self->account = g_strdup(account);
    self->source = g_strdup(source);
    self->strings = g_string_chunk_new(1024);
    self->rows = g_array_new(FALSE, FALSE, sizeof(QueryEvent));
    return self;
}

void
feedback_events_free(FeedbackEvents *self)
{
    if (!self)
        return;
    g_array_unref(self->rows);
    g_string_chunk_free(self->strings);
    g_free(self->account);
    g_free(self->source);
    g_free(self);
}

/* U+FFFD: something was there that no API may write. */
static bool
is_whole(const char *address)
{
    return address_is_whole(address) && !strstr(address, "\xef\xbf\xbd");
}

/* With a name, or between brackets, it is still one. Caller frees; NULL: it is none, or more than one. */
static char *
read_address(const char *text)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func((GDestroyNotify) mailbox_free);

    if (!text || is_whole(text))
        return g_strdup(text);
    if (strlen(text) > ID_BYTES || !g_utf8_validate(text, -1, NULL))
        return NULL;
    if (address_list_parse(list, text, NULL, NULL) > 0 || list->len != 1)
        return NULL;
    const char *inside = ((const Mailbox *) list->pdata[0])->address;
    return is_whole(inside) ? g_strdup(inside) : NULL;
}

/* On one line, at most max bytes. */
static const char *
kept(FeedbackEvents *self, const char *text, gsize max)
{
    if (!text || !*text)
        return NULL;
    g_autofree char *cut = cut_text(text, max);
    g_autofree char *valid = g_utf8_make_valid(cut, -1);
    for (char *p = valid; *p; p++)
        *p = g_ascii_iscntrl(*p) ? ' ' : *p;
    return g_string_chunk_insert(self->strings, valid);
}

void
feedback_events_add(FeedbackEvents *self, const QueryEvent *event)
{
    QueryEvent copy = *event;
    g_autofree char *address = read_address(event->address), *sender = read_address(event->sender);
    const char **ids[] = { &copy.id, &copy.request_id, &copy.message_id, &copy.tag, &copy.code };

    if (!address) {
        self->odd++;
        return;
    }
    copy.address = kept(self, address, ID_BYTES);
    copy.sender = kept(self, sender ? sender : event->sender, ID_BYTES);
    copy.reason = kept(self, event->reason, REASON_BYTES);
    for (guint i = 0; i < G_N_ELEMENTS(ids); i++)
        *ids[i] = kept(self, *ids[i], ID_BYTES);
    g_array_append_val(self->rows, copy);
}

void
feedback_events_told_once(FeedbackEvents *self)
{
    self->told_once = true;
}

guint
feedback_events_size(const FeedbackEvents *self)
{
    return self->rows->len;
}

guint
feedback_events_odd(const FeedbackEvents *self)
{
    return self->odd;
}
