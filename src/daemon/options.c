#include "config.h"

#include "daemon/options.h"

#include <getopt.h>
#include <stdio.h>
#include <sysexits.h>

static void
print_usage(FILE *to)
{
    fputs("usage: shimtad [-nv] [-c file] [--stdio]\n"
          "       shimtad [-c file] --explain file [--json] [--sender address] [--listener name] [--user name] [recipient ...]\n"
          "  -c, --config FILE    read FILE, not " SYSCONFDIR "/shimta/shimta.conf\n"
          "  -n, --check          check the configuration, print the effective settings\n"
          "      --stdio          serve one SMTP session on standard input and output\n"
          "      --explain FILE   show what would become of the message in FILE (- is standard input), send nothing\n"
          "      --json           with --explain: one JSON object\n"
          "      --sender ADDR    with --explain: the envelope sender\n"
          "      --listener NAME  with --explain: where it would come in\n"
          "      --user NAME      with --explain: who would submit it\n"
          "  -v, --verbose        log at level debug\n"
          "  -V, --version        print the version\n"
          "  -h, --help           print this\n", to);
}

Options
options_parse(int argc, char **argv)
{
    enum { STDIO = 256, EXPLAIN, JSON, SENDER, LISTENER, USER };
    static const struct option names[] = {
        { "config", required_argument, NULL, 'c' }, { "check", no_argument, NULL, 'n' },
        { "stdio", no_argument, NULL, STDIO },      { "verbose", no_argument, NULL, 'v' },
        { "explain", required_argument, NULL, EXPLAIN }, { "json", no_argument, NULL, JSON },
        { "sender", required_argument, NULL, SENDER },   { "listener", required_argument, NULL, LISTENER },
        { "user", required_argument, NULL, USER },       { "version", no_argument, NULL, 'V' },
        { "help", no_argument, NULL, 'h' },
        { 0 },
    };
    Options options = { .config = SYSCONFDIR "/shimta/shimta.conf", .done = -1 };

    for (int option; options.done < 0 && (option = getopt_long(argc, argv, "c:nvVh", names, NULL)) != -1;) {
        if (option == 'c')
            options.config = optarg;
        else if (option == 'n')
            options.check = true;
        else if (option == STDIO)
            options.stdio = true;
        else if (option == 'v')
            options.verbose = true;
        else if (option == EXPLAIN)
            options.explain.file = optarg;
        else if (option == JSON)
            options.explain.json = true;
        else if (option == SENDER)
            options.explain.sender = optarg;
        else if (option == LISTENER)
            options.explain.listener = optarg;
        else if (option == USER)
            options.explain.user = optarg;
        else if (option == 'V' || option == 'h')
            options.done = option;
        else
            options.done = EX_USAGE;
    }
    options.explain.recipients = argv + optind;
    if (options.done < 0 && optind < argc && !options.explain.file)
        options.done = EX_USAGE;
    if (options.done == EX_USAGE)
        print_usage(stderr);
    if (options.done == 'h')
        print_usage(stdout);
    if (options.done == 'V')
        puts(PACKAGE_STRING);
    if (options.done == 'V' || options.done == 'h')
        options.done = fflush(stdout) == 0 ? EX_OK : EX_IOERR;
    return options;
}
