#include "fixture.h"

#include <stdlib.h>
#include <string.h>

/* The four properties that every driver's calls must have, on random sets of recipients. */

static GPtrArray *
random_list(const char *prefix, guint max)
{
    GPtrArray *list = g_ptr_array_new_with_free_func((GDestroyNotify) mailbox_free);
    guint n = (guint) g_test_rand_int_range(0, (gint32) max + 1);

    for (guint i = 0; i < n; i++) {
        bool plain = g_test_rand_int_range(0, 8) > 0;
        g_autofree char *address = g_strdup_printf(plain ? "%s%u@x.test" : "\"%s,%u\"@x.test", prefix, i);
        g_ptr_array_add(list, mailbox_new(prefix, address));
    }
    return list;
}

static bool
holds(const GPtrArray *list, const char *address)
{
    for (guint i = 0; i < list->len; i++) {
        const Mailbox *box = list->pdata[i];
        if (g_str_equal(box->address, address))
            return true;
    }
    return false;
}

static const struct {
    Provider *(*open)(const char *more);
    const char *more;
    guint to, cc, bcc, all; /* at most, in a call */
    bool apart;             /* several To don't see each other */
} accounts[] = {
    { fixture_account, "", 10, 10, 10, 30, false },
    { fixture_account, "bulk = yes\n", 1000, 10, 10, 1000, false },
    { fixture_arara, "", 100, 99, 99, 100, true },
    { fixture_arara, "multi-to = separate\n", 100, 99, 99, 100, true },
    { fixture_arara, "max-recipients = 7\n", 7, 6, 6, 7, true },
    { fixture_arara, "max-recipients = 1\n", 1, 0, 0, 1, true },
};

/* Who shares a call with the i-th and is told of it. */
static bool
is_shown(guint account, const Call *call, guint i)
{
    if (call->each_alone || call_size(call) == 1 || i >= call->to->len + call->cc->len)
        return false;
    return !accounts[account].apart || call->to->len == 1;
}

static void
check_call(guint account, const Recipients *recipients, const Call *call, GHashTable *seen)
{
    guint lists = call->cc->len + call->bcc->len;

    g_assert_cmpuint(call->to->len, >=, 1);
    g_assert_cmpuint(call->to->len, <=, accounts[account].to);
    g_assert_cmpuint(call->cc->len, <=, accounts[account].cc);
    g_assert_cmpuint(call->bcc->len, <=, accounts[account].bcc);
    g_assert_cmpuint(call_size(call), <=, accounts[account].all);
    g_assert_true(!accounts[account].apart || lists == 0 || call->to->len == 1);
    g_assert_true(!call->each_alone || (lists == 0 && call->to->len > 1));
    g_assert_true(call->each_alone || accounts[account].apart || call->to->len <= 10);
    for (guint i = 0; i < call_size(call); i++) {
        const char *address = call_recipient(call, i)->address;
        bool hidden = holds(recipients->hidden, address);
        g_assert_true(g_hash_table_add(seen, g_strdup(address))); /* nobody twice */
        g_assert_true(hidden || holds(recipients->to, address) || holds(recipients->cc, address));
        g_assert_false(hidden && is_shown(account, call, i));
        g_assert_true(hidden || i < call->to->len + call->cc->len);
        g_assert_true(!accounts[account].apart || i == 0 || lists == 0 || !strchr(address, ','));
    }
}

static void
check_round(guint account, const Provider *provider, guint max)
{
    g_autoptr(Mail) mail = fixture_mail("me@x.test", "t");
    Recipients recipients = { random_list("to", max), random_list("cc", max), random_list("hidden", max), true, true };
    g_autoptr(GPtrArray) calls = provider->driver->partition(provider, mail, &recipients);
    g_autoptr(GPtrArray) repeat = provider->driver->partition(provider, mail, &recipients);
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GHashTable) keys = g_hash_table_new(g_str_hash, g_str_equal);

    guint all = recipients.to->len + recipients.cc->len + recipients.hidden->len;

    calls_set_keys(calls, "entry", all);
    calls_set_keys(repeat, "entry", all);
    g_assert_cmpuint(calls->len, ==, repeat->len);
    for (guint i = 0; i < calls->len; i++) {
        const Call *call = calls->pdata[i];
        const Call *same = repeat->pdata[i];
        check_call(account, &recipients, call, seen);
        g_assert_true(g_hash_table_add(keys, call->key));
        g_assert_cmpstr(call->key, ==, same->key);
        g_assert_cmpuint(call_size(call), ==, call_size(same));
        for (guint k = 0; k < call_size(call); k++)
            g_assert_cmpstr(call_recipient(call, k)->address, ==, call_recipient(same, k)->address);
    }
    g_assert_cmpuint(g_hash_table_size(seen), ==, all);
    g_ptr_array_unref(recipients.to);
    g_ptr_array_unref(recipients.cc);
    g_ptr_array_unref(recipients.hidden);
}

static void
test_properties(void)
{
    for (guint account = 0; account < G_N_ELEMENTS(accounts); account++) {
        g_autoptr(Provider) provider = accounts[account].open(accounts[account].more);
        for (guint round = 0; round < 2000; round++)
            check_round(account, provider, round % 2 ? 4 : 45);
    }
}

/* --- keys ---------------------------------------------------------------------------------------- */

enum { MANY = 14 }; /* recipients of the mail */

/* Of a call's recipients, in no order of its own. Caller frees. */
static char *
set_of(const Call *call)
{
    char set[MANY + 1];

    memset(set, '-', MANY);
    set[MANY] = '\0';
    for (guint i = 0; i < call_size(call); i++)
        set[atoi(call_recipient(call, i)->address + 1)] = 'x';
    return g_strdup(set);
}

static void
check_keys(const GPtrArray *calls, GHashTable *sets, GHashTable *keys)
{
    for (guint i = 0; i < calls->len; i++) {
        const Call *call = calls->pdata[i];
        g_autofree char *set = set_of(call);
        const char *meant = g_hash_table_lookup(sets, call->key);
        const char *key = g_hash_table_lookup(keys, set);
        g_assert_true(!meant || g_str_equal(meant, set));
        g_assert_true(!key || g_str_equal(key, call->key));
        g_hash_table_insert(sets, g_strdup(call->key), g_strdup(set));
        g_hash_table_insert(keys, g_steal_pointer(&set), g_strdup(call->key));
    }
}

/* One start of the daemon: routes and settings are anything, some recipients are closed, the order is anything. */
static void
run_once(Provider *const *providers, GHashTable *sets, GHashTable *keys)
{
    g_autoptr(Mail) mail = fixture_mail("me@x.test", "t");
    Recipients shares[G_N_ELEMENTS(accounts)];
    guint first = (guint) g_test_rand_int_range(0, MANY);

    for (guint a = 0; a < G_N_ELEMENTS(accounts); a++)
        shares[a] = (Recipients) { random_list("", 0), random_list("", 0), random_list("", 0), true, true };
    for (guint i = 0; i < MANY; i++) {
        Recipients *share = &shares[g_test_rand_int_range(0, g_test_rand_bit() ? 1 : G_N_ELEMENTS(accounts))];
        GPtrArray *const lists[] = { share->to, share->cc, share->hidden, NULL };
        GPtrArray *list = lists[g_test_rand_int_range(0, 4)];
        g_autofree char *address = g_strdup_printf("r%u@x.test", (first + i) % MANY);
        if (list)
            g_ptr_array_add(list, mailbox_new("", address));
    }
    for (guint a = 0; a < G_N_ELEMENTS(accounts); a++) {
        g_autoptr(GPtrArray) calls = providers[a]->driver->partition(providers[a], mail, &shares[a]);
        calls_set_keys(calls, "entry", MANY);
        check_keys(calls, sets, keys);
        g_ptr_array_unref(shares[a].to);
        g_ptr_array_unref(shares[a].cc);
        g_ptr_array_unref(shares[a].hidden);
    }
}

/* Whatever changes between two starts, a key of a mail stands for one set of recipients, and the set for the key. */
static void
test_keys(void)
{
    g_autoptr(GHashTable) sets = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_autoptr(GHashTable) keys = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    Provider *providers[G_N_ELEMENTS(accounts)];

    for (guint a = 0; a < G_N_ELEMENTS(accounts); a++)
        providers[a] = accounts[a].open(accounts[a].more);
    for (guint i = 0; i < 2000; i++)
        run_once(providers, sets, keys);
    g_assert_cmpuint(g_hash_table_size(sets), ==, g_hash_table_size(keys));
    for (guint a = 0; a < G_N_ELEMENTS(accounts); a++)
        provider_free(providers[a]);
}

/* The contract's table: how many To, Cc and hidden recipients make which calls ("to+cc+bcc"). */
typedef struct {
    guint to, cc, hidden;
    const char *calls;
} Shape;

static const Shape cmc_rows[] = {
    { 1, 0, 0, "1+0+0" },
    { 10, 10, 10, "10+10+10" },
    { 2, 1, 1, "2+1+1" },
    { 0, 1, 0, "1+0+0" },
    { 0, 3, 2, "1+2+2" },
    { 0, 11, 0, "1+10+0" },
    { 0, 12, 0, "1+10+0 1+0+0" },
    { 0, 0, 1, "1+0+0" },
    { 0, 0, 3, "1+0+0 1+0+0 1+0+0" },
    { 11, 0, 0, "10+0+0 1+0+0" },
    { 12, 15, 0, "10+10+0 2+5+0" },
    { 1, 21, 0, "1+10+0 1+10+0" },
    { 1, 0, 12, "1+0+10 1+0+0 1+0+0" },
    { 11, 0, 12, "10+0+10 1+0+2" },
    { 0, 0, 0, "" },
};

static const Shape bulk_rows[] = {
    { 1, 0, 0, "1+0+0" },
    { 0, 0, 1, "1+0+0" },
    { 0, 0, 3, "3+0+0" },
    { 1, 0, 11, "1+0+10 1+0+0" },
    { 1, 0, 12, "1+0+10 2+0+0" },
    { 0, 0, 1000, "1000+0+0" },
    { 0, 0, 1001, "1000+0+0 1+0+0" },
    { 0, 0, 1002, "1000+0+0 2+0+0" },
};

static const Shape arara_rows[] = {
    { 1, 0, 0, "1+0+0" },
    { 1, 2, 3, "1+2+3" },
    { 3, 0, 0, "1+2+0" },
    { 3, 2, 1, "1+4+1" },
    { 0, 1, 0, "1+0+0" },
    { 0, 3, 2, "1+2+2" },
    { 0, 0, 1, "1+0+0" },
    { 0, 0, 4, "4+0+0" },
    { 0, 0, 21, "10+0+0 10+0+0 1+0+0" },
    { 12, 0, 3, "1+9+0 1+1+3" },
    { 2, 0, 20, "1+1+8 10+0+0 2+0+0" },
    { 0, 0, 0, "" },
};

static const Shape separate_rows[] = {
    { 3, 0, 0, "3+0+0" },
    { 11, 0, 0, "10+0+0 1+0+0" },
    { 3, 1, 0, "1+3+0" },
    { 3, 0, 1, "1+2+1" },
    { 0, 2, 0, "1+1+0" },
    { 0, 0, 2, "2+0+0" },
};

static GPtrArray *
list_of(const char *prefix, guint n)
{
    GPtrArray *list = g_ptr_array_new_with_free_func((GDestroyNotify) mailbox_free);

    for (guint i = 0; i < n; i++) {
        g_autofree char *address = g_strdup_printf("%s%u@x.test", prefix, i);
        g_ptr_array_add(list, mailbox_new("", address));
    }
    return list;
}

static void
check_rows(const Provider *provider, const Shape *table, guint n)
{
    g_autoptr(Mail) mail = fixture_mail("me@x.test", "t");

    for (guint r = 0; r < n; r++) {
        Recipients recipients = { list_of("to", table[r].to), list_of("cc", table[r].cc), list_of("hid", table[r].hidden),
                                  true, true };
        g_autoptr(GPtrArray) calls = provider->driver->partition(provider, mail, &recipients);
        g_autoptr(GString) shape = g_string_new(NULL);

        for (guint i = 0; i < calls->len; i++) {
            const Call *call = calls->pdata[i];
            g_string_append_printf(shape, "%s%u+%u+%u", i ? " " : "", call->to->len, call->cc->len, call->bcc->len);
        }
        g_assert_cmpstr(shape->str, ==, table[r].calls);
        g_ptr_array_unref(recipients.to);
        g_ptr_array_unref(recipients.cc);
        g_ptr_array_unref(recipients.hidden);
    }
}

static void
test_cmc(void)
{
    g_autoptr(Provider) provider = fixture_account("");
    g_autoptr(Provider) bulk = fixture_account("bulk = yes\n");

    check_rows(provider, cmc_rows, G_N_ELEMENTS(cmc_rows));
    check_rows(bulk, bulk_rows, G_N_ELEMENTS(bulk_rows));
}

static void
test_arara(void)
{
    g_autoptr(Provider) provider = fixture_arara("max-recipients = 10\n");
    g_autoptr(Provider) separate = fixture_arara("max-recipients = 10\nmulti-to = separate\n");

    check_rows(provider, arara_rows, G_N_ELEMENTS(arara_rows));
    check_rows(separate, separate_rows, G_N_ELEMENTS(separate_rows));
}

/* In order, the first Cc promoted, one key for a mail of one call. */
static void
test_order(void)
{
    g_autoptr(Provider) provider = fixture_account("");
    g_autoptr(Mail) mail = fixture_mail("me@x.test", "t");
    Recipients recipients = { list_of("to", 0), list_of("cc", 2), list_of("hid", 1), true, true };
    g_autoptr(GPtrArray) calls = provider->driver->partition(provider, mail, &recipients);
    const Call *call = calls->pdata[0];

    calls_set_keys(calls, "entry", 3);
    g_assert_cmpstr(call->key, ==, "entry");
    g_assert_cmpstr(call_recipient(call, 0)->address, ==, "cc0@x.test");
    g_assert_cmpstr(call_recipient(call, 1)->address, ==, "cc1@x.test");
    g_assert_cmpstr(call_recipient(call, 2)->address, ==, "hid0@x.test");
    g_ptr_array_unref(recipients.to);
    g_ptr_array_unref(recipients.cc);
    g_ptr_array_unref(recipients.hidden);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/partition/properties", test_properties);
    g_test_add_func("/partition/keys", test_keys);
    g_test_add_func("/partition/cmc", test_cmc);
    g_test_add_func("/partition/arara", test_arara);
    g_test_add_func("/partition/order", test_order);
    return g_test_run();
}
