#include "daemon/auth.h"

#include "base/clock.h"
#include "base/log.h"
#include "daemon/figures.h"
#include "io/worker.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

enum {
    FIRST_DELAY_MS = 1000,
    LAST_DELAY_MS = 15000,
    FORGET_MS = 10 * 60 * 1000, /* without a wrong attempt */
    MAX_ADDRESSES = 10000,      /* remembered; about 2 MB */
    MAX_WAITING = 50,           /* attempts of one address */
    MAX_WAITING_DELAYED = 4,    /* while it is held up: each may take 15 s */
    MAX_RUNNING = 2,            /* hashes at once: the threads have mail to read too */
    MAX_READY = 500,            /* waiting for those */
    MAX_PROVEN = 10000,
};

typedef enum { CHECK_WAITING, CHECK_READY, CHECK_RUNNING } CheckState;

/* Where attempts come from. */
typedef struct {
    guint8 key[16];
    GList link;     /* in the order of use */
    GQueue waiting; /* of AuthCheck; the first is being judged, or will be when its time comes */
    guint failures;
    gint64 not_before_ms, used_ms;
} Address;

struct Auth {
    uv_loop_t *loop;
    GHashTable *addresses; /* by key */
    GQueue by_use;         /* of Address, the newest first */
    GQueue ready;          /* of AuthCheck whose time has come and that need a hash */
    guint running;
    GHashTable *proven; /* hash -> digest of the password that was right for it */
    guint8 secret[32];  /* of those digests */
};

struct AuthCheck {
    uv_timer_t timer;
    Auth *auth;
    Address *address;
    GList link;       /* in the address's queue */
    GList ready_link; /* in the Auth's */
    CheckState state;
    Passwords *passwords;
    char *client, *listener, *user_name;
    const char *mechanism;
    Secret *password;
    const char *hash;
    bool known, proved, overloaded;
    void (*done)(const Reply *reply, void *user);
    void *user;
};

/* --- addresses ----------------------------------------------------------------------------------- */

static guint
key_hash(gconstpointer key)
{
    guint64 halves[2];

    memcpy(halves, key, sizeof halves);
    return g_int64_hash(&halves[0]) ^ g_int64_hash(&halves[1]);
}

static gboolean
key_equal(gconstpointer a, gconstpointer b)
{
    return memcmp(a, b, sizeof ((Address *) NULL)->key) == 0;
}

static void
auth_forget(Auth *self, Address *address)
{
    g_queue_unlink(&self->by_use, &address->link);
    g_hash_table_remove(self->addresses, address->key);
}

/* Forgets the one that was used longest ago, if it has nothing to wait for. */
static void
auth_make_room(Auth *self)
{
    for (GList *link = self->by_use.tail, *next; link && self->by_use.length >= MAX_ADDRESSES; link = next) {
        Address *oldest = link->data;
        next = link->prev;
        if (oldest->waiting.length == 0)
            auth_forget(self, oldest);
    }
}

static Address *
auth_address(Auth *self, const guint8 key[16])
{
    Address *address = g_hash_table_lookup(self->addresses, key);
    gint64 now = clock_monotonic();

    if (!address) {
        auth_make_room(self);
        address = g_new0(Address, 1);
        memcpy(address->key, key, sizeof address->key);
        address->link.data = address;
        g_hash_table_insert(self->addresses, address->key, address);
    } else {
        g_queue_unlink(&self->by_use, &address->link);
    }
    g_queue_push_head_link(&self->by_use, &address->link);
    if (now - address->used_ms > FORGET_MS)
        address->failures = 0;
    address->used_ms = now;
    return address;
}

/* --- passwords that were right ------------------------------------------------------------------- */

/* A client that says the same password for every mail shall not cost a hash each. */
static char *
digest(const Auth *self, const Secret *password)
{
    return g_compute_hmac_for_string(G_CHECKSUM_SHA256, self->secret, sizeof self->secret, secret_reveal(password),
                                     -1);
}

static bool
is_proven(const AuthCheck *check)
{
    const char *proven = g_hash_table_lookup(check->auth->proven, check->hash);

    if (!proven || !check->known)
        return false;
    g_autofree char *said = digest(check->auth, check->password);
    guchar differ = 0;
    for (guint i = 0; said[i] && proven[i]; i++)
        differ |= (guchar) (said[i] ^ proven[i]);
    return differ == 0;
}

static void
remember_proven(const AuthCheck *check)
{
    GHashTable *proven = check->auth->proven;

    if (g_hash_table_size(proven) >= MAX_PROVEN)
        g_hash_table_remove_all(proven);
    g_hash_table_replace(proven, g_strdup(check->hash), digest(check->auth, check->password));
}

/* --- one attempt --------------------------------------------------------------------------------- */

static void address_go_on(Auth *self, Address *address);
static void auth_start_ready(Auth *self);

static void
on_timer_closed(uv_handle_t *handle)
{
    AuthCheck *self = handle->data;

    passwords_unref(self->passwords);
    secret_free(self->password);
    g_free(self->client);
    g_free(self->listener);
    g_free(self->user_name);
    g_free(self);
}

/* Leaves the queue; the next of the address may begin. */
static void
check_leave(AuthCheck *self)
{
    Auth *auth = self->auth;
    Address *address = self->address;

    if (self->state == CHECK_READY)
        g_queue_unlink(&auth->ready, &self->ready_link);
    if (address) {
        g_queue_unlink(&address->waiting, &self->link);
        address_go_on(auth, address);
    }
    uv_close((uv_handle_t *) &self->timer, on_timer_closed);
}

static void
check_fail(AuthCheck *self)
{
    Address *address = self->address;
    gint64 delay = (gint64) FIRST_DELAY_MS << MIN(address->failures, 10);

    address->failures++;
    address->used_ms = clock_monotonic();
    address->not_before_ms = address->used_ms + MIN(delay, LAST_DELAY_MS);
    log_event(LOG_NOTICE, "auth-failed", "client", self->client, "listener", self->listener, "mechanism",
              self->mechanism, "user", self->user_name, NULL);
}

static void
check_answer(AuthCheck *self)
{
    static const Reply good = { 235, "2.7.0", (char *) "Authentication successful" };
    static const Reply wrong = { 535, "5.7.8", (char *) "Wrong user or password" };
    static const Reply busy = { 454, "4.7.0", (char *) "Too many attempts to authenticate, try again later" };
    const Reply *reply = self->overloaded ? &busy : self->proved ? &good : &wrong;
    void (*done)(const Reply *, void *) = self->done;
    void *user = self->user;

    figures_auth(self->mechanism, self->overloaded ? "overload" : self->proved ? "good" : "wrong");
    if (self->overloaded)
        log_event(LOG_NOTICE, "auth-overload", "client", self->client, "listener", self->listener, NULL);
    else if (!self->proved)
        check_fail(self);
    else {
        self->address->failures = 0;
        log_event(LOG_INFO, "authenticated", "client", self->client, "listener", self->listener, "mechanism",
                  self->mechanism, "user", self->user_name, NULL);
    }
    check_leave(self);
    if (done)
        done(reply, user);
}

static void
on_hash_run(void *user)
{
    AuthCheck *self = user;
    bool matches = password_matches(self->hash, secret_reveal(self->password));

    self->proved = matches && self->known;
}

static void
on_hash_done(void *user)
{
    AuthCheck *self = user;
    Auth *auth = self->auth;

    auth->running--;
    if (self->proved)
        remember_proven(self);
    check_answer(self);
    auth_start_ready(auth);
}

static void
auth_start_ready(Auth *self)
{
    static const WorkOps ops = { on_hash_run, on_hash_done, on_hash_done };

    while (self->running < MAX_RUNNING && self->ready.length > 0) {
        AuthCheck *check = g_queue_pop_head_link(&self->ready)->data;
        check->state = CHECK_RUNNING;
        self->running++;
        work_start(self->loop, &ops, check);
    }
}

/* The attempt's time has come. */
static void
on_timer(uv_timer_t *timer)
{
    AuthCheck *self = timer->data;

    if (self->overloaded || !self->password) {
        check_answer(self);
        return;
    }
    self->hash = passwords_hash(self->passwords, self->user_name, &self->known);
    self->proved = is_proven(self);
    if (self->proved) {
        check_answer(self);
        return;
    }
    self->state = CHECK_READY;
    g_queue_push_tail_link(&self->auth->ready, &self->ready_link);
    auth_start_ready(self->auth);
}

static void
address_go_on(Auth *self, Address *address)
{
    AuthCheck *first = g_queue_peek_head(&address->waiting);

    if (!first || first->state != CHECK_WAITING || uv_is_active((uv_handle_t *) &first->timer))
        return;
    uv_update_time(self->loop);
    gint64 wait = address->not_before_ms - clock_monotonic();
    uv_timer_start(&first->timer, on_timer, wait > 0 ? (guint64) wait : 0, 0);
}

/* --- the whole ----------------------------------------------------------------------------------- */

static bool
is_overloaded(const Auth *self, const Address *address)
{
    bool delayed = address->not_before_ms > clock_monotonic();

    return address->waiting.length >= (delayed ? MAX_WAITING_DELAYED : MAX_WAITING) || self->ready.length >= MAX_READY;
}

AuthCheck *
auth_check(Auth *self, const AuthClient *client, const SmtpAuth *what, void (*done)(const Reply *reply, void *user),
           void *user)
{
    AuthCheck *check = g_new0(AuthCheck, 1);
    Address *address = auth_address(self, client->key);

    check->auth = self;
    check->link.data = check->ready_link.data = check;
    check->passwords = passwords_ref(client->passwords);
    check->client = g_strdup(client->client);
    check->listener = g_strdup(client->listener);
    check->user_name = g_strdup(what->user);
    check->mechanism = what->mechanism;
    check->password = what->password ? secret_new(secret_reveal(what->password)) : NULL;
    check->proved = what->proved;
    check->done = done;
    check->user = user;
    uv_timer_init(self->loop, &check->timer);
    check->timer.data = check;
    check->overloaded = is_overloaded(self, address);
    if (check->overloaded) {
        uv_timer_start(&check->timer, on_timer, 0, 0);
        return check;
    }
    check->address = address;
    g_queue_push_tail_link(&address->waiting, &check->link);
    address_go_on(self, address);
    return check;
}

void
auth_cancel(AuthCheck **pointer)
{
    AuthCheck *self = *pointer;

    *pointer = NULL;
    if (!self)
        return;
    self->done = NULL;
    if (self->state != CHECK_RUNNING)
        check_leave(self);
}

Auth *
auth_new(uv_loop_t *loop)
{
    Auth *self = g_new0(Auth, 1);

    self->loop = loop;
    self->addresses = g_hash_table_new_full(key_hash, key_equal, NULL, g_free);
    self->proven = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    if (getrandom(self->secret, sizeof self->secret, 0) != sizeof self->secret)
        g_error("getrandom: %s", g_strerror(errno));
    return self;
}

void
auth_free(Auth *self)
{
    if (!self)
        return;
    g_hash_table_unref(self->addresses);
    g_hash_table_unref(self->proven);
    explicit_bzero(self->secret, sizeof self->secret);
    g_free(self);
}
