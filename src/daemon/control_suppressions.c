/* The list of suppressed addresses. Each request has the database for itself, on a worker. */
#include "daemon/control_request.h"

#include "base/log.h"
#include "io/worker.h"
#include "mail/address.h"
#include "queue/suppression.h"

typedef struct {
    ControlRequest *request;
    const char *action, *account, *address;
    char *folder;
    GError *error;
    guint n;
} Ask;

static void
visit(const Suppression *one, void *user)
{
    Ask *self = user;
    cJSON *row = control_row(self->request);

    control_put(row, "account", one->account);
    control_put(row, "address", one->address);
    control_put(row, "sender", *one->sender ? one->sender : NULL);
    control_put(row, "kind", suppression_kind_name(one->kind));
    control_put(row, "source", one->source);
    control_put(row, "reason", one->reason);
    control_put_number(row, "since_ms", one->since_ms);
    if (one->expires_ms > 0)
        control_put_number(row, "expires_ms", one->expires_ms);
    self->n++;
}

/* Pages: the last row says where the next begins. */
static bool
list(Ask *self, FeedbackStore *store)
{
    const cJSON *body = self->request->body;
    const SuppressionPage page = {
        .account = self->account, .address = self->address, .after_account = json_string(body, "after_account"),
        .after_address = json_string(body, "after_address"), .after_sender = json_string(body, "after_sender"),
        .max = CONTROL_PAGE, .now_ms = self->request->now_ms,
    };

    if (!suppression_each(store, &page, visit, self, &self->error))
        return false;
    cJSON_AddBoolToObject(self->request->last, "more", self->n == CONTROL_PAGE);
    return true;
}

static bool
change(Ask *self, FeedbackStore *store)
{
    const char *reason = json_string(self->request->body, "reason");
    const Suppression one = {
        .account = self->account, .address = self->address, .sender = "", .kind = SUPPRESSION_MANUAL,
        .source = "operator", .reason = reason, .since_ms = self->request->now_ms,
    };
    bool added = false;

    if (!feedback_store_begin(store, &self->error))
        return false;
    bool done = g_str_equal(self->action, "add")
                    ? suppression_add(store, &one, &added, &self->error)
                    : suppression_remove(store, self->account, self->address, self->request->now_ms, &self->n,
                                         &self->error);
    self->n += added;
    if (done)
        return feedback_store_commit(store, &self->error);
    feedback_store_undo(store);
    return false;
}

static void
run(void *user)
{
    Ask *self = user;
    bool writes = g_str_equal(self->action, "add") || g_str_equal(self->action, "remove");
    g_autoptr(FeedbackStore) store = feedback_store_open(self->folder, &self->error);

    if (!store)
        return;
    if (writes ? change(self, store) : list(self, store))
        control_put_number(self->request->last, "n", self->n);
}

static void
done(void *user)
{
    Ask *self = user;
    ControlRequest *request = self->request;
    bool writes = g_str_equal(self->action, "add") || g_str_equal(self->action, "remove");

    if (writes && !self->error && self->n > 0)
        log_event(LOG_NOTICE, g_str_equal(self->action, "add") ? "suppressed" : "unsuppressed", "account",
                  self->account ? self->account : "*", "address", self->address, "source", "operator", NULL);
    control_answer(request, self->error ? self->error->message : NULL);
    g_clear_error(&self->error);
    g_free(self->folder);
    g_free(self);
}

static const char *
fault_of(const Ask *self)
{
    static const char *const actions[] = { "list", "show", "add", "remove", NULL };

    if (!self->action || !g_strv_contains(actions, self->action))
        return "no such request";
    if (g_str_equal(self->action, "list"))
        return NULL;
    if (!self->address || !*self->address)
        return "which address?";
    if (!g_str_equal(self->action, "add"))
        return NULL; /* whatever is on the list */
    if (!address_is_whole(self->address))
        return "that is no address";
    return self->account ? NULL : "which account?";
}

void
control_suppressions(ControlRequest *request)
{
    static const WorkOps work = { run, done, NULL };
    Ask ask = {
        .request = request,
        .action = json_string(request->body, "action"),
        .account = json_string(request->body, "account"),
        .address = json_string(request->body, "address"),
    };
    const char *fault = fault_of(&ask);

    if (fault) {
        control_answer(request, fault);
        return;
    }
    ask.folder = g_strdup(request->hub.folder);
    work_start(request->hub.loop, &work, g_memdup2(&ask, sizeof ask));
}
