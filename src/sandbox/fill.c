#include "sandbox/fill.h"

#include "sandbox/arara.h"

static Letter *
make_letter(unsigned i)
{
    Letter *letter = letter_new();
    g_autofree char *to = g_strdup_printf("%sfill-%u@example.org", i / 2 % 10 == 9 ? "bounce-" : "", i);

    g_ptr_array_add(letter->to, mailbox_new("", to));
    letter->from = mailbox_new("", "shop@example.net");
    letter->subject = "Filled in";
    return letter;
}

static void
add_emails(Sandbox *sandbox, const Letter *letter, unsigned i, gint64 time_us)
{
    g_autofree char *id = g_strdup_printf("<fill-%u@sandbox.invalid>", i);
    LedgerRow *row = ledger_add(sandbox->ledger, letter, 0, id, NULL);

    row->time_us = row->due_us = time_us;
}

static void
add_arara(Sandbox *sandbox, const Letter *letter, unsigned i, gint64 time_us)
{
    Deliveries *deliveries = arara_deliveries(sandbox->arara);
    g_autofree char *request_id = g_strdup_printf("fill%u", i);
    g_autofree char *id = deliveries_new_id(deliveries);
    LedgerRow *row = ledger_add(sandbox->ledger, letter, 0, id, request_id);

    row->time_us = row->due_us = time_us;
    deliveries_add(deliveries, g_steal_pointer(&id), request_id, time_us, time_us)->recipients = 1;
}

void
fill(Sandbox *sandbox, unsigned n)
{
    gint64 now_us = g_get_real_time();

    for (unsigned i = 0; i < n; i++) {
        g_autoptr(Letter) letter = make_letter(i);
        gint64 time_us = now_us - G_TIME_SPAN_DAY + (gint64) ((double) G_TIME_SPAN_DAY / n * i);
        if (i % 2 == 0)
            add_emails(sandbox, letter, i, time_us);
        else
            add_arara(sandbox, letter, i, time_us);
    }
}
