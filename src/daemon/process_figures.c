#include "daemon/process_figures.h"

#include "base/meter.h"

#include <stdbool.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static void
print_one(const char *name, const char *help, MeterKind kind, double n, GString *out)
{
    meter_print_head(name, help, kind, out);
    meter_print_value(name, NULL, NULL, n, out);
}

static void
print_memory(GString *out)
{
    unsigned long all = 0, resident = 0;
    double page = (double) sysconf(_SC_PAGESIZE);
    FILE *file = fopen("/proc/self/statm", "re");
    bool read = file && fscanf(file, "%lu %lu", &all, &resident) == 2;

    if (file)
        fclose(file);
    if (!read)
        return;
    print_one("process_resident_memory_bytes", "Resident memory", METER_GAUGE, (double) resident * page, out);
    print_one("process_virtual_memory_bytes", "Virtual memory", METER_GAUGE, (double) all * page, out);
}

static void
print_files(GString *out)
{
    g_autoptr(GDir) folder = g_dir_open("/proc/self/fd", 0, NULL);
    struct rlimit limit;
    guint n = 0;

    while (folder && g_dir_read_name(folder))
        n++;
    if (n > 0)
        print_one("process_open_fds", "Open descriptors", METER_GAUGE, n - 1, out); /* one is the folder's */
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        print_one("process_max_fds", "Descriptors it may have", METER_GAUGE, (double) limit.rlim_cur, out);
}

static double
seconds(const struct timeval *time)
{
    return (double) time->tv_sec + (double) time->tv_usec / 1e6;
}

void
process_figures(gint64 started_ms, GString *out)
{
    struct rusage usage;

    print_memory(out);
    print_files(out);
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        print_one("process_cpu_seconds_total", "Processor time", METER_COUNTER,
                  seconds(&usage.ru_utime) + seconds(&usage.ru_stime), out);
    print_one("process_start_time_seconds", "When it started, in seconds since 1970", METER_GAUGE,
              (double) started_ms / 1000, out);
    meter_print_head("shimta_build_info", "What runs here; always 1", METER_GAUGE, out);
    meter_print_value("shimta_build_info", "version", PACKAGE_VERSION, 1, out);
}
