#include "feedback/state.h"

#include <string.h>

static char *
added(const char *address)
{
    g_autoptr(FeedbackEvents) events = feedback_events_new("main", "webhook");
    const QueryEvent event = { .kind = QUERY_EVENT_BOUNCED, .address = address };

    feedback_events_add(events, &event);
    g_assert_cmpuint(feedback_events_size(events) + feedback_events_odd(events), ==, 1);
    return events->rows->len > 0 ? g_strdup(g_array_index(events->rows, QueryEvent, 0).address) : NULL;
}

static void
test_addresses(void)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        { "a@b.test", "a@b.test" },
        { "<a@b.test>", "a@b.test" },
        { "Name <d@b.test>", "d@b.test" },
        { "\"odd one\"@b.test", "\"odd one\"@b.test" },
        { "日本@b.test", "日本@b.test" },
        { "docomo..@b.test", "docomo..@b.test" },
        { "a@b.test, c@b.test", NULL },
        { "123", NULL },
        { "*", NULL },
        { "<>", NULL },
        { "@b.test", NULL },
        { "", NULL },
        { "a@b.test\r\nlog: x", NULL },
        { "a@b.test\xef\xbf\xbdx", NULL },
        { "\xef\xbf\xbd@b.test", NULL },
        { "\x93\xfa@b.test", NULL },
    };
    g_autofree char *local = g_strnfill(5000, 'a'), *endless = g_strconcat(local, "@b.test", NULL);

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_test_message("%s", rows[i].text);
        g_autofree char *address = added(rows[i].text);
        g_assert_cmpstr(address, ==, rows[i].want);
    }
    g_assert_null(added(endless));
    g_assert_null(added(NULL));
}

/* A reason is cut behind a whole character, whatever the character before the end. */
static void
test_reasons(void)
{
    g_autofree char *filler = g_strnfill(400, 'x');

    for (guint n = 396; n <= 400; n++) {
        g_autoptr(FeedbackEvents) events = feedback_events_new("main", "webhook");
        g_autofree char *reason = g_strdup_printf("%.*s満杯です", (int) n, filler);
        const QueryEvent event = { .kind = QUERY_EVENT_BOUNCED, .address = "a@b.test", .reason = reason };
        feedback_events_add(events, &event);
        const char *kept = g_array_index(events->rows, QueryEvent, 0).reason;
        g_assert_null(strstr(kept, "\xef\xbf\xbd"));
        g_assert_true(g_str_has_prefix(reason, kept));
        g_assert_cmpuint(strlen(kept), ==, n + (400 - n) / 3 * 3);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/events/addresses", test_addresses);
    g_test_add_func("/events/reasons", test_reasons);
    return g_test_run();
}
