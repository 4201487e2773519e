/* The process as the system sees it, by the names that Prometheus' clients have in common. */
#pragma once

#include <glib.h>

/* Appends memory, descriptors, processor time, start (wall time) and version in Prometheus' text form. */
void process_figures(gint64 started_ms, GString *out);
