"""Hostile command lines (R10 of the reliability list): whatever the words, sendmail opens what it always opens, makes no
file, and ends with a status of sysexits. Run as an ordinary user under strace; SOAK=1 tries more."""
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

from fake import SOURCE, SENDMAIL, MAIL, Case, equal, read, run_tests, sanitized

STATUSES = {0, 64, 65, 67, 69, 71, 74, 75, 76, 77, 78}
RUNS = 10000 if os.environ.get('SOAK') else 2000
DRIVER = '''
import json, os, sys
jobs, mail, program = json.load(open(sys.argv[1])), sys.argv[2], sys.argv[3]
if os.getuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
quiet = [(os.POSIX_SPAWN_OPEN, 0, mail, os.O_RDONLY, 0), (os.POSIX_SPAWN_OPEN, 1, '/dev/null', os.O_WRONLY, 0),
         (os.POSIX_SPAWN_OPEN, 2, '/dev/null', os.O_WRONLY, 0)]
ends = []
for argv in jobs:
    pid = os.posix_spawn(program, argv, os.environ, file_actions=quiet)
    ends.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
json.dump(ends, open(sys.argv[4], 'w'))
'''


def options():
    return re.findall(r'^    \{ "([^"]+)", (?:FLAG|WORD|REST|VALUE),', read(os.path.join(SOURCE, 'src/sendmail/options.c')), re.M)


def values(folder):
    target = os.path.join(folder, 'target')
    return [target, '', 'x' * 10240, 'a\nb', '--'], ['-oQ' + folder, 'a@x.test', '../../etc/passwd', '|/bin/sh', '$(id)', '15m', 'm', '=',
            'QueueDirectory=' + target, 'DeliveryMode=' + target, '\x7f', '+0A', '<>', '%s%n']


def matrix(folder):
    """Each option alone, with each value in the same word and in the next, before and behind an address."""
    jobs = []
    for name in options():
        for value in [None, *values(folder)[0]]:
            words = [f'-{name}'] if value is None else None
            for form in [words] if words else [[f'-{name}{value}'], [f'-{name}', value]]:
                jobs.append(['sendmail', '-t', '-fa@x.test', *form])
        jobs.append(['sendmail', f'-{name}'])
        jobs.append(['sendmail', '-fa@x.test', '--', 'b@x.test', f'-{name}'])
    return jobs


def dice(folder, count):
    seed = int(os.environ.get('SEED', random.randrange(1 << 32)))
    print(f'# SEED={seed}')
    roll = random.Random(seed)
    names = options() + ['Z', '-what', '9', 'tiv', 'bx']
    programs = ['sendmail', 'mailq', 'newaliases', 'runq', 'smtpd', 'rmail', '/', '/x/' + 'y' * 300]
    words = sum(values(folder), [])
    jobs = []
    for _ in range(count):
        argv = [roll.choice(programs) if roll.random() < 0.2 else 'sendmail']
        for _ in range(roll.randrange(6)):
            kind = roll.random()
            if kind < 0.4:
                argv.append('-' + roll.choice(names))
            elif kind < 0.7:
                argv.append('-' + roll.choice(names) + roll.choice(words))
            else:
                argv.append(roll.choice(words))
        jobs.append(argv)
    return jobs


class Ground:
    """A folder for an ordinary user, with the program and a daemon that answers."""

    def __init__(self):
        self.case = Case(EHLO='250-mx.test\r\n250-8BITMIME\r\n250-DSN\r\n250-SMTPUTF8\r\n250 XSENDMAIL')
        self.folder = tempfile.mkdtemp(prefix='shimta-argv-')
        os.chmod(self.folder, 0o777)
        self.home = os.path.join(self.folder, 'home')
        os.mkdir(self.home)
        os.chmod(self.home, 0o777)
        os.chmod(self.case.folder, 0o711)
        os.chmod(self.case.socket, 0o777)
        os.chmod(self.case.conf, 0o644)
        self.program = os.path.join(self.folder, 'sendmail')
        shutil.copy(SENDMAIL, self.program)
        self.mail = os.path.join(self.folder, 'mail')
        with open(self.mail, 'wb') as file:
            file.write(b'To: c@x.test\n' + MAIL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.case.__exit__()
        shutil.rmtree(self.folder)

    def run(self, jobs):
        """Exit statuses and the file calls of all, without what tells one argv from another."""
        names = {name: os.path.join(self.folder, name) for name in ('jobs', 'driver', 'trace', 'ends')}
        with open(names['jobs'], 'w', encoding='utf-8') as file:
            json.dump(jobs, file)
        with open(names['driver'], 'w', encoding='utf-8') as file:
            file.write(DRIVER)
        done = subprocess.run(['strace', '-f', '-o', names['trace'], '-e', 'trace=%file,connect', sys.executable, names['driver'],
                               names['jobs'], self.mail, self.program, names['ends']], env=self.case.env, cwd=self.home,
                              capture_output=True, check=False)
        if done.returncode != 0:
            return None, done.stderr
        with open(names['trace'], encoding='utf-8', errors='replace') as trace:
            calls = self.calls(trace)
        with open(names['ends'], encoding='utf-8') as file:
            ends = json.load(file)
        for name in names.values():
            os.unlink(name)
        return ends, calls

    def calls(self, trace):
        found, driver = set(), None
        for line in trace:
            pid, _, call = line.partition(' ')
            driver = driver or pid
            call = re.sub(r'^<\.\.\. \w+ resumed>.*|^[+-].*', '', call.strip())
            if pid == driver or not call or re.match(r'newfstatat\(\d+, ""', call):
                continue
            if call.startswith(('execve(', 'readlink(')):  # the words themselves are no matter
                call = call.split(',')[0]
            found.add(re.sub(r'\) += .*| <unfinished.*', '', call).strip())
        return found


def usable(ground):
    if sanitized() or not shutil.which('strace'):
        return 'needs strace and a plain build'
    ends, why = ground.run([['sendmail', '-t']])
    if ends is None:
        return f'strace may not trace here: {why!r}'
    return None


def base(ground):
    """What modes open, without any value."""
    ends, calls = ground.run([['sendmail', *args] for args in (['-t'], ['-t', '-fa@x.test'], ['-bp'], ['-bs'], ['-bD'], ['-bd'], ['-bC'],
                                                                 ['-bv', 'a@x'], ['-t', '-bi'], ['-V'])])
    assert len(calls) > 5 and any('shimta.conf' in call for call in calls), calls
    assert ends[0] == 0, ends
    return calls


def check(ground, jobs):
    known = base(ground)
    ends, calls = ground.run(jobs)
    wrong = [(jobs[i], end) for i, end in enumerate(ends) if end not in STATUSES]
    equal(wrong, [])
    more = set()
    for call in calls - known:
        # -C, the one word that names a file: to be read, and followed by nothing but its own settings
        if not re.match(r'openat\(AT_FDCWD, "[^"]*"(\.\.\.)?, O_RDONLY\|O_CLOEXEC', call):
            more.add(call)
    equal(more, set())
    equal(os.listdir(ground.home), [])
    equal(sorted(os.listdir(ground.folder)), ['home', 'mail', 'sendmail'])


def names_file(argv):
    return any(word.startswith('-C') for word in argv)


def test_matrix():
    """Without -C not even a file to be read is of the caller's choice."""
    with Ground() as ground:
        reason = usable(ground)
        if not reason:
            jobs = matrix(ground.folder)
            equal(ground.run([argv for argv in jobs if not names_file(argv)])[1] - base(ground), set())
            check(ground, [argv for argv in jobs if names_file(argv)])
        return reason


def test_random():
    with Ground() as ground:
        reason = usable(ground)
        if not reason:
            check(ground, dice(ground.folder, RUNS))
        return reason


run_tests(globals())
