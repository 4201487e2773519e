/* What becomes of posted events when they cannot be stored, when too many wait, and when the daemon ends meanwhile; and
 * whose they are. Feedback itself is played here. */
#include "daemon/webhook.h"

#include "base/log.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

struct FeedbackEvents {
    char *account;
    guint n;
};

/* One that is not done. */
typedef struct {
    FeedbackDone done;
    void *user;
} Asked;

struct Feedback {
    GArray *asked; /* of Asked */
    char *account; /* of the last */
};

FeedbackEvents *
feedback_events_new(const char *account, const char *source)
{
    FeedbackEvents *self = g_new0(FeedbackEvents, 1);

    self->account = g_strdup(account);
    return self;
}

void
feedback_events_free(FeedbackEvents *self)
{
    if (!self)
        return;
    g_free(self->account);
    g_free(self);
}

void
feedback_events_add(FeedbackEvents *self, const QueryEvent *event)
{
    self->n++;
}

void
feedback_events_told_once(FeedbackEvents *self)
{
}

guint
feedback_events_size(const FeedbackEvents *self)
{
    return self->n;
}

guint
feedback_events_odd(const FeedbackEvents *self)
{
    return 0;
}

void
feedback_events(Feedback *self, FeedbackEvents *events, FeedbackDone done, void *user)
{
    Asked asked = { done, user };

    g_array_append_val(self->asked, asked);
    g_free(self->account);
    self->account = g_strdup(events->account);
    feedback_events_free(events);
}

typedef struct {
    uv_loop_t loop;
    uv_timer_t tick; /* the webhook does not keep the loop alive */
    IngressHub hub;
    Feedback feedback;
    Webhook *webhook;
    char *folder, *socket, *key;
} World;

static Settings *
settings_of(const World *self, const char *more)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = g_strdup_printf("[shimta]\naccount = one\n[account one]\nprovider = customers-mail-cloud\n"
                                            "url = https://api.test\napi-user = u\napi-key-file = %s\n%s",
                                            self->key, more);
    g_autoptr(ConfFile) file = conf_open_text("test.conf", text, &error);

    g_assert_no_error(error);
    Settings *settings = settings_parse(file, &error);
    g_assert_no_error(error);
    return settings;
}

static void
on_tick(uv_timer_t *timer)
{
}

static void
world_prepare(World *self)
{
    *self = (World) { .folder = g_dir_make_tmp("shimta-test-XXXXXX", NULL) };
    self->socket = g_build_filename(self->folder, "hook.sock", NULL);
    self->key = g_build_filename(self->folder, "key", NULL);
    g_assert_true(g_file_set_contents_full(self->key, "key\n", -1, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
    uv_loop_init(&self->loop);
    uv_timer_init(&self->loop, &self->tick);
    uv_timer_start(&self->tick, on_tick, 1, 1);
    self->feedback.asked = g_array_new(FALSE, FALSE, sizeof(Asked));
}

static void
world_open(World *self)
{
    world_prepare(self);
    g_autofree char *more = g_strdup_printf("[webhook]\naddress = %s\n", self->socket);
    self->hub = (IngressHub) { .loop = &self->loop, .settings = settings_of(self, more) };
    self->webhook = webhook_new(&self->hub);
    webhook_tell(self->webhook, &self->feedback);
}

static void
world_close(World *self)
{
    g_autofree char *lock = g_strconcat(self->socket, ".lock", NULL);

    webhook_close(self->webhook);
    uv_close((uv_handle_t *) &self->tick, NULL);
    uv_run(&self->loop, UV_RUN_DEFAULT);
    g_assert_cmpint(uv_loop_close(&self->loop), ==, 0);
    settings_free(self->hub.settings);
    g_array_unref(self->feedback.asked);
    g_free(self->feedback.account);
    g_unlink(self->key);
    g_unlink(lock);
    g_assert_cmpint(g_rmdir(self->folder), ==, 0);
    g_free(self->folder);
    g_free(self->socket);
    g_free(self->key);
}

/* A post of n events. */
static int
world_post(World *self, guint n)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    g_autoptr(GString) body = g_string_new("event_type=bounces&event={\"bounces\":[");
    g_autoptr(GString) all = g_string_new(NULL);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    for (guint i = 0; i < n; i++)
        g_string_append_printf(body, "%s{\"to\":\"a@example.org\",\"status\":\"2\"}", i > 0 ? "," : "");
    g_string_append(body, "]}");
    g_string_printf(all, "POST /webhook HTTP/1.0\r\nContent-Length: %zu\r\n\r\n%s", body->len, body->str);
    g_strlcpy(at.sun_path, self->socket, sizeof at.sun_path);
    g_assert_cmpint(connect(fd, (struct sockaddr *) &at, sizeof at), ==, 0);
    for (gsize sent = 0; sent < all->len;) {
        gssize some = send(fd, all->str + sent, all->len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        g_assert_true(some > 0 || errno == EAGAIN);
        sent += (gsize) MAX(0, some);
        uv_run(&self->loop, UV_RUN_ONCE);
    }
    return fd;
}

static void
world_wait_asked(World *self, guint n)
{
    while (self->feedback.asked->len < n)
        uv_run(&self->loop, UV_RUN_ONCE);
}

/* Closes fd. 0: it was cut. */
static int
world_status(World *self, int fd)
{
    char text[200];
    gssize n;

    while ((n = recv(fd, text, sizeof text - 1, MSG_DONTWAIT)) < 0 && errno == EAGAIN)
        uv_run(&self->loop, UV_RUN_ONCE);
    close(fd);
    text[MAX(0, n)] = '\0';
    return n > 9 ? atoi(text + 9) : 0;
}

static void
world_finish(World *self, guint i, bool stored)
{
    const Asked *asked = &g_array_index(self->feedback.asked, Asked, i);
    g_autoptr(GError) error = stored ? NULL : g_error_new_literal(G_FILE_ERROR, 0, "the disk is full");

    asked->done(asked->user, error);
}

/* Not before it is stored, and not as if it were. */
static void
test_answers(void)
{
    World world;

    world_open(&world);
    int first = world_post(&world, 3), second = world_post(&world, 3);
    world_wait_asked(&world, 2);
    g_assert_cmpstr(world.feedback.account, ==, "one");
    for (guint i = 0; i < 20; i++)
        uv_run(&world.loop, UV_RUN_ONCE);
    g_assert_cmpint(recv(first, (char[1]) { 0 }, 1, MSG_DONTWAIT), <, 0);
    world_finish(&world, 1, false);
    g_assert_cmpint(world_status(&world, second), ==, 503);
    world_finish(&world, 0, true);
    g_assert_cmpint(world_status(&world, first), ==, 200);
    world_close(&world);
}

static void
test_too_many(void)
{
    World world;

    world_open(&world);
    g_assert_cmpint(world_status(&world, world_post(&world, 10001)), ==, 413);
    int first = world_post(&world, 10000), second = world_post(&world, 10000);
    world_wait_asked(&world, 2);
    g_assert_cmpint(world_status(&world, world_post(&world, 1)), ==, 503);
    g_assert_cmpuint(world.feedback.asked->len, ==, 2);
    world_finish(&world, 0, true);
    g_assert_cmpint(world_status(&world, first), ==, 200);
    int third = world_post(&world, 1);
    world_wait_asked(&world, 3);
    world_finish(&world, 1, true);
    world_finish(&world, 2, true);
    g_assert_cmpint(world_status(&world, second), ==, 200);
    g_assert_cmpint(world_status(&world, third), ==, 200);
    world_close(&world);
}

/* Two are with feedback when the webhook closes: they finish into nothing. */
static void
test_close_meanwhile(void)
{
    World world;

    world_open(&world);
    int first = world_post(&world, 1), second = world_post(&world, 1);
    world_wait_asked(&world, 2);
    webhook_close(g_steal_pointer(&world.webhook));
    world_finish(&world, 0, true);
    world_finish(&world, 1, false);
    g_assert_cmpint(world_status(&world, first), ==, 0);
    g_assert_cmpint(world_status(&world, second), ==, 0);
    world_close(&world);
}

static void
test_nobody_to_tell(void)
{
    World world;

    world_open(&world);
    webhook_close(world.webhook);
    for (guint i = 0; i < 3; i++)
        uv_run(&world.loop, UV_RUN_ONCE);
    world.webhook = webhook_new(&world.hub);
    g_assert_cmpint(world_status(&world, world_post(&world, 1)), ==, 503);
    world_close(&world);
}

#define SECOND                                                                                                         \
    "[account two]\nprovider = customers-mail-cloud\nurl = https://api.test\napi-user = u\napi-key-file = KEY\n"

static void
test_whose(void)
{
    static const struct {
        const char *one, *rest, *composition, *account;
    } rows[] = {
        { "", "", "x", "one" },
        { "", "", "", "one" },
        { "server-composition = x\n", "", "x", "one" },
        { "server-composition = x\n", "", "", "one" },
        { "server-composition = x\n", "", "y", NULL },
        { "server-composition = x\n", "[webhook]\naccount = one\n", "y", "one" },
        { "server-composition = x\n", SECOND, "x", "one" },
        { "", SECOND "server-composition = x\n", "x", "two" },
        { "", SECOND "server-composition = x\n", "y", NULL },
        { "", SECOND, "", NULL },
        { "", SECOND "[webhook]\naccount = two\n", "", "two" },
        { "server-composition = x\n", SECOND "[webhook]\naccount = two\n", "x", "one" },
    };
    World world;

    world_prepare(&world);
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(GStrv) pieces = g_strsplit(rows[i].rest, "KEY", -1);
        g_autofree char *rest = g_strjoinv(world.key, pieces);
        g_autofree char *more = g_strconcat(rows[i].one, rest, NULL);
        g_autoptr(Settings) settings = settings_of(&world, more);
        g_assert_cmpstr(webhook_account(&settings->webhook, settings->relay, rows[i].composition), ==, rows[i].account);
    }
    world_close(&world);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    log_open(LOG_ERR);
    g_test_add_func("/webhook/answers", test_answers);
    g_test_add_func("/webhook/too-many", test_too_many);
    g_test_add_func("/webhook/close-meanwhile", test_close_meanwhile);
    g_test_add_func("/webhook/nobody-to-tell", test_nobody_to_tell);
    g_test_add_func("/webhook/whose", test_whose);
    return g_test_run();
}
