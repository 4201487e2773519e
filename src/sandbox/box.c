#include "sandbox/box.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "sandbox/eml.h"
#include "sandbox/json.h"

typedef struct {
    guint64 number;
    guint64 call;
    char *id;
    char *delivery_id;          /* Arara's; or NULL */
    char *request_id;
    char *to;
    const char *place;
    char *from;
    char *envelope_from;
    char *subject;
    guint64 size_bytes;
    char *file;                 /* name in the folder */
} BoxMessage;

struct Box {
    char *folder;
    GPtrArray *messages;        /* of BoxMessage, by number */
    guint64 last_number;
    guint64 count;
};

static void
box_message_free(void *data)
{
    BoxMessage *self = data;

    g_free(self->id);
    g_free(self->delivery_id);
    g_free(self->request_id);
    g_free(self->to);
    g_free(self->from);
    g_free(self->envelope_from);
    g_free(self->subject);
    g_free(self->file);
    g_free(self);
}

static void
set_errno(GError **error, const char *doing, const char *path)
{
    int saved = errno;

    g_set_error(error, G_FILE_ERROR, (int) g_file_error_from_errno(saved), "%s %s: %s", doing, path,
                g_strerror(saved));
}

Box *
box_new(const char *folder, GError **error)
{
    g_autoptr(Box) self = g_new0(Box, 1);

    self->messages = g_ptr_array_new_with_free_func(box_message_free);
    if (!folder)
        return g_steal_pointer(&self);
    self->folder = g_canonicalize_filename(folder, NULL);
    if (g_mkdir_with_parents(folder, 0700) < 0 || g_access(folder, W_OK | X_OK) < 0) {
        set_errno(error, "cannot use folder", folder);
        return NULL;
    }
    g_autoptr(GDir) dir = g_dir_open(folder, 0, error);
    if (!dir)
        return NULL;
    const char *name;
    while ((name = g_dir_read_name(dir)))
        if (g_ascii_isdigit(*name) && g_str_has_suffix(name, ".eml"))
            self->last_number = MAX(self->last_number, g_ascii_strtoull(name, NULL, 10));
    return g_steal_pointer(&self);
}

void
box_free(Box *self)
{
    if (!self)
        return;
    g_ptr_array_unref(self->messages);
    g_free(self->folder);
    g_free(self);
}

char *
box_message_id(void)
{
    g_autofree char *uuid = g_uuid_string_random();

    return g_strdup_printf("<%s@node1.sandbox.invalid>", uuid);
}

/* "000001-alice@example.org.eml": the address is for people, the number makes it unique. */
static char *
file_name(guint64 number, const char *address)
{
    g_autofree char *safe = g_strndup(address, 100);

    g_strcanon(safe, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@.+-_", '_');
    return g_strdup_printf("%06" G_GUINT64_FORMAT "-%s.eml", number, safe);
}

/* The name a message has while it is written. */
static char *
draft_path(const Box *self, const BoxMessage *message)
{
    g_autofree char *name = g_strdup_printf(".%s.tmp", message->file);

    return g_build_filename(self->folder, name, NULL);
}

static bool
write_draft(const Box *self, BoxMessage *message, const Eml *eml, GError **error)
{
    g_autofree char *path = draft_path(self, message);
    FILE *out = g_fopen(path, "wbe");

    if (!out) {
        set_errno(error, "cannot create", path);
        return false;
    }
    bool done = eml_write(out, eml) && !ferror(out);
    message->size_bytes = (guint64) ftello(out);
    /* Only closing tells whether the last bytes had room. */
    if (fclose(out) != 0 || !done) {
        set_errno(error, "cannot write", path);
        unlink(path);
        return false;
    }
    return true;
}

typedef struct {
    Box *box;
    const Letter *letter;
    const BoxLabel *label;
    GPtrArray *drafts;
} BoxJob;

static bool
put_one(const BoxJob *job, const Mailbox *recipient, const char *place, GError **error)
{
    const Letter *letter = job->letter;
    BoxMessage *message = g_new0(BoxMessage, 1);

    message->number = job->box->last_number + job->drafts->len + 1;
    message->call = job->label->call;
    message->id = job->label->message_id ? g_strdup(job->label->message_id) : box_message_id();
    message->delivery_id = g_strdup(job->label->delivery_id);
    message->request_id = g_strdup(job->label->request_id);
    message->to = g_strdup(recipient->address);
    message->place = place;
    message->from = g_strdup(letter->from->address);
    message->envelope_from = g_strdup(letter->envelope_from);
    message->subject = g_string_free(eml_text(letter, recipient, letter->subject), FALSE);
    message->file = file_name(message->number, recipient->address);
    Eml eml = { letter, recipient, place, message->id, g_get_real_time() / G_USEC_PER_SEC };
    if (!write_draft(job->box, message, &eml, error)) {
        box_message_free(message);
        return false;
    }
    g_ptr_array_add(job->drafts, message);
    return true;
}

static bool
put_all(const BoxJob *job, GError **error)
{
    const struct {
        const GPtrArray *list;
        const char *place;
    } places[] = { { job->letter->to, "to" }, { job->letter->cc, "cc" }, { job->letter->bcc, "bcc" } };

    for (size_t p = 0; p < G_N_ELEMENTS(places); p++)
        for (guint i = 0; i < places[p].list->len; i++)
            if (!put_one(job, places[p].list->pdata[i], places[p].place, error))
                return false;
    return true;
}

/* Gives the drafts their names, or removes them. */
static void
finish_drafts(Box *self, GPtrArray *drafts, bool keep)
{
    for (guint i = 0; i < drafts->len; i++) {
        BoxMessage *message = drafts->pdata[i];
        g_autofree char *draft = draft_path(self, message);
        g_autofree char *path = g_build_filename(self->folder, message->file, NULL);
        if (!keep || rename(draft, path) < 0) {
            unlink(draft);
            box_message_free(message);
            continue;
        }
        self->last_number = message->number;
        g_ptr_array_add(self->messages, message);
    }
}

bool
box_put(Box *self, const Letter *letter, const BoxLabel *label, GError **error)
{
    g_autoptr(GPtrArray) drafts = g_ptr_array_new();
    BoxJob job = { self, letter, label, drafts };

    if (self->folder) {
        bool done = put_all(&job, error);
        finish_drafts(self, drafts, done);
        if (!done)
            return false;
    }
    self->count += letter_recipients(letter);
    return true;
}

static cJSON *
message_json(const Box *self, const BoxMessage *message)
{
    cJSON *json = cJSON_CreateObject();
    g_autofree char *path = g_build_filename(self->folder, message->file, NULL);

    cJSON_AddNumberToObject(json, "number", (double) message->number);
    cJSON_AddStringToObject(json, "id", message->id);
    cJSON_AddStringToObject(json, "to", message->to);
    cJSON_AddStringToObject(json, "place", message->place);
    cJSON_AddStringToObject(json, "from", message->from);
    cJSON_AddStringToObject(json, "envelope_from", message->envelope_from);
    cJSON_AddStringToObject(json, "subject", message->subject);
    cJSON_AddNumberToObject(json, "size", (double) message->size_bytes);
    cJSON_AddStringToObject(json, "file", path);
    cJSON_AddNumberToObject(json, "call", (double) message->call);
    if (message->delivery_id) {
        cJSON_AddStringToObject(json, "delivery_id", message->delivery_id);
        cJSON_AddStringToObject(json, "request_id", message->request_id);
    }
    return json;
}

GString *
box_list(const Box *self)
{
    g_autoptr(cJSON) list = cJSON_CreateArray();

    for (guint i = 0; i < self->messages->len; i++)
        cJSON_AddItemToArray(list, message_json(self, self->messages->pdata[i]));
    char *text = cJSON_Print(list);
    GString *out = g_string_new(text);
    cJSON_free(text);
    g_string_append_c(out, '\n');
    return out;
}

char *
box_path(const Box *self, guint64 number)
{
    for (guint i = 0; i < self->messages->len; i++) {
        const BoxMessage *message = self->messages->pdata[i];
        if (message->number == number)
            return g_build_filename(self->folder, message->file, NULL);
    }
    return NULL;
}

static void
remove_file(const Box *self, const BoxMessage *message)
{
    g_autofree char *path = g_build_filename(self->folder, message->file, NULL);

    unlink(path);
}

void
box_remove(Box *self, const char *delivery_id)
{
    for (guint i = self->messages->len; i > 0; i--) {
        const BoxMessage *message = self->messages->pdata[i - 1];
        if (g_strcmp0(message->delivery_id, delivery_id) != 0)
            continue;
        remove_file(self, message);
        g_ptr_array_remove_index(self->messages, i - 1);
    }
}

void
box_empty(Box *self)
{
    for (guint i = 0; i < self->messages->len; i++)
        remove_file(self, self->messages->pdata[i]);
    g_ptr_array_set_size(self->messages, 0);
}

guint64
box_count(const Box *self)
{
    return self->count;
}

const char *
box_folder(const Box *self)
{
    return self->folder;
}
