#include "daemon/list_figures.h"

#include "base/meter.h"
#include "queue/feedback_notice.h"
#include "queue/suppression.h"

static const char name[] = "shimta_suppressions", owed_name[] = "shimta_feedback_bounces_owed";

static void
print(SuppressionKind kind, const char *source, gint64 n, void *user)
{
    static const char *const labels[METER_LABELS] = { "kind", "source" };
    const char *const values[METER_LABELS] = { suppression_kind_name(kind), source };

    meter_print_values(name, labels, values, (double) n, user);
}

static void
print_owed(const char *account, gint64 n, void *user)
{
    meter_print_value(owed_name, "account", account, (double) n, user);
}

void
list_figures(const char *folder, gint64 now_ms, GString *out)
{
    g_autoptr(FeedbackStore) store = feedback_store_open_read(folder, NULL);

    meter_print_head(name, "Addresses on the list of suppressed ones, by why and who said so", METER_GAUGE, out);
    if (store)
        suppression_count(store, now_ms, print, out, NULL);
    meter_print_head(owed_name, "Recipients whose sender is not told yet that mail to them came back", METER_GAUGE, out);
    if (store)
        feedback_store_owed(store, print_owed, out, NULL);
}
