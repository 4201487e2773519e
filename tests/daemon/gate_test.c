#include "daemon/gate.h"

#include <string.h>

/* A listener of these networks, blank-separated. */
static Listen
listen_for(const char *networks, guint per_client)
{
    Listen listen = { .name = (char *) "test", .networks = g_array_new(FALSE, FALSE, sizeof(Network)) };
    g_auto(GStrv) all = g_strsplit(networks, " ", -1);

    listen.conf.max_connections_per_client = per_client;
    for (guint i = 0; all[i] && *all[i]; i++) {
        Network network;
        g_assert_true(network_parse(all[i], &network, NULL));
        g_array_append_val(listen.networks, network);
    }
    return listen;
}

static const Reply *
enter(Gate *gate, const Listen *listen, const char *client, GateTicket *ticket)
{
    Endpoint peer;

    g_assert_true(endpoint_parse(client, &peer, NULL));
    memset(ticket, 0, sizeof *ticket);
    return gate_enter(gate, listen, &peer, ticket);
}

static void
test_networks(void)
{
    static const struct {
        const char *networks, *client;
        bool in;
    } rows[] = {
        { "127.0.0.0/8 ::1", "127.0.0.1:9", true },
        { "127.0.0.0/8 ::1", "[::1]:9", true },
        { "127.0.0.0/8 ::1", "192.0.2.1:9", false },
        { "127.0.0.0/8 ::1", "[2001:db8::1]:9", false },
        { "127.0.0.0/8 ::1", "/run/a.sock", true },
        { "192.0.2.0/24", "127.0.0.1:9", false },
        { "192.0.2.0/24", "192.0.2.200:9", true },
        { "", "127.0.0.1:9", false },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        Gate *gate = gate_new(10);
        Listen listen = listen_for(rows[i].networks, 0);
        GateTicket ticket;
        const Reply *refusal = enter(gate, &listen, rows[i].client, &ticket);
        g_test_message("%s into %s", rows[i].client, rows[i].networks);
        g_assert_cmpint(refusal == NULL, ==, rows[i].in);
        if (refusal) {
            g_assert_cmpint(refusal->code, ==, 554);
            g_assert_cmpstr(refusal->dsn, ==, "5.7.1");
        } else {
            gate_leave(gate, &ticket);
        }
        g_array_unref(listen.networks);
        gate_free(gate);
    }
}

/* One client's surplus is refused with 421 4.7.0 and does not count; others still come in; who leaves makes room. */
static void
test_per_client(void)
{
    Gate *gate = gate_new(100);
    Listen listen = listen_for("0.0.0.0/0 ::/0", 2);
    GateTicket first, second, third, other;

    g_assert_null(enter(gate, &listen, "192.0.2.1:1", &first));
    g_assert_null(enter(gate, &listen, "192.0.2.1:2", &second));
    for (guint i = 0; i < 3; i++) {
        const Reply *refusal = enter(gate, &listen, "192.0.2.1:3", &third);
        g_assert_nonnull(refusal);
        g_assert_cmpint(refusal->code, ==, 421);
        g_assert_cmpstr(refusal->dsn, ==, "4.7.0");
    }
    g_assert_null(enter(gate, &listen, "192.0.2.2:1", &other));
    gate_leave(gate, &first);
    g_assert_null(enter(gate, &listen, "192.0.2.1:3", &third));

    /* IPv6 clients are a /64 each. */
    g_assert_null(enter(gate, &listen, "[2001:db8::1]:1", &first));
    g_assert_null(enter(gate, &listen, "[2001:db8::2]:1", &first));
    g_assert_nonnull(enter(gate, &listen, "[2001:db8::3]:1", &first));
    g_assert_null(enter(gate, &listen, "[2001:db8:0:1::3]:1", &first));
    g_array_unref(listen.networks);
    gate_free(gate);
}

/* As many as a network may have come in, over however few or many of its clients; other networks do not suffer. */
static void
test_per_network(void)
{
    static const struct {
        const char *same, *other, *end;
    } rows[] = {
        { "192.0.2.", "192.0.3.", ":1" },
        { "[2001:db8:0:", "[2001:db8:1:", "::1]:1" },
    };

    for (guint row = 0; row < G_N_ELEMENTS(rows); row++) {
        Gate *gate = gate_new(100);
        Listen listen = listen_for("0.0.0.0/0 ::/0", 2);
        GateTicket tickets[4], more;
        listen.limits.connections_per_network = 4;
        for (guint i = 0; i < 4; i++) {
            g_autofree char *client = g_strdup_printf("%s%u%s", rows[row].same, i, rows[row].end);
            g_assert_null(enter(gate, &listen, client, &tickets[i]));
        }
        g_autofree char *fifth = g_strconcat(rows[row].same, "200", rows[row].end, NULL);
        g_autofree char *apart = g_strconcat(rows[row].other, "200", rows[row].end, NULL);
        const Reply *refusal = enter(gate, &listen, fifth, &more);
        g_assert_nonnull(refusal);
        g_assert_cmpint(refusal->code, ==, 421);
        g_assert_cmpstr(refusal->dsn, ==, "4.7.0");
        g_assert_null(enter(gate, &listen, apart, &more));
        gate_leave(gate, &more);
        gate_leave(gate, &tickets[0]);
        g_assert_null(enter(gate, &listen, fifth, &tickets[0]));
        g_assert_nonnull(enter(gate, &listen, fifth, &more));
        listen.limits.connections_per_network = 0;
        g_assert_null(enter(gate, &listen, fifth, &more));
        g_array_unref(listen.networks);
        gate_free(gate);
    }
}

static void
test_unix_has_no_client_limit(void)
{
    Gate *gate = gate_new(100);
    Listen listen = listen_for("", 1);
    GateTicket ticket;

    for (guint i = 0; i < 50; i++)
        g_assert_null(enter(gate, &listen, "/run/a.sock", &ticket));
    g_array_unref(listen.networks);
    gate_free(gate);
}

static void
test_total(void)
{
    Gate *gate = gate_new(3);
    Listen listen = listen_for("127.0.0.0/8", 0);
    GateTicket tickets[3], more;

    for (guint i = 0; i < 3; i++)
        g_assert_null(enter(gate, &listen, i == 0 ? "/run/a.sock" : "127.0.0.1:1", &tickets[i]));
    const Reply *refusal = enter(gate, &listen, "/run/a.sock", &more);
    g_assert_nonnull(refusal);
    g_assert_cmpint(refusal->code, ==, 421);
    g_assert_cmpstr(refusal->dsn, ==, "4.3.2");
    g_assert_nonnull(enter(gate, &listen, "127.0.0.1:1", &more));
    for (guint i = 0; i < 3; i++)
        gate_leave(gate, &tickets[i]);
    for (guint i = 0; i < 3; i++)
        g_assert_null(enter(gate, &listen, "127.0.0.1:1", &tickets[i]));
    g_array_unref(listen.networks);
    gate_free(gate);
}

/* Every connection served may hold two descriptors, and some stay for the rest. */
static void
test_capacity(void)
{
    static const struct {
        guint files, wanted, want;
    } rows[] = {
        { 1024, 5000, 496 }, { 1024, 100, 100 }, { 64, 5000, 16 }, { 16384, 5000, 5000 }, { 20480, 10000, 10000 },
        { 8, 10, 2 },        { 1, 10, 1 },       { 0, 10, 1 },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
        g_assert_cmpuint(gate_capacity(rows[i].files, rows[i].wanted), ==, rows[i].want);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/gate/networks", test_networks);
    g_test_add_func("/gate/per-client", test_per_client);
    g_test_add_func("/gate/per-network", test_per_network);
    g_test_add_func("/gate/unix-has-no-client-limit", test_unix_has_no_client_limit);
    g_test_add_func("/gate/total", test_total);
    g_test_add_func("/gate/capacity", test_capacity);
    return g_test_run();
}
