# SPDX-License-Identifier: Apache-2.0
# What lib/ may not say: ending, printing, changing the host, going round fs/, following the locale. Usage: tokens.py SOURCE_ROOT
import re
import sys

from csource import CODE, Report, read, split, tracked

# name, or name( for a call -> what is wanted instead.
END = 'the library never ends its host: return a dl4c_status'
PRINT = 'the library never prints: use dli_log or the error'
HOST = 'the library changes nothing of its host'
FILES = 'files are opened through lib/fs'
LOCALE = 'follows the locale: use dli_parse_double, dli_parse_i64, dli_number'
MEMORY = "memory comes from the context's allocator: dli_alloc, dli_array, dli_strdup, dli_free"
UNSAFE = 'cannot know its room: use snprintf or dli_strbuf'
RANDOM = 'random numbers come from base/rng.h'
TIME = 'not thread-safe or the wall clock: use dli_now_ns, or take the time from the caller'

FORBIDDEN = {}
for names, why in (
        ('exit _exit _Exit quick_exit abort atexit at_quick_exit raise( kill(', END),
        ('printf vprintf fprintf vfprintf dprintf puts( fputs( putchar( fputc( perror( stdout stderr syslog(', PRINT),
        ('setenv putenv unsetenv clearenv setlocale chdir( fchdir( umask( signal( sigaction( sigprocmask( pthread_sigmask( '
         'fesetround fesetenv feenableexcept _mm_setcsr srand srandom prctl( setrlimit( sched_setaffinity( alarm( nice( '
         'pthread_atfork', HOST),
        ('getenv secure_getenv', 'the environment is the host\'s: only base/cpu.c reads DL4C_CPU_MASK'),
        ('fopen freopen fdopen tmpfile( tmpnam( mkstemp( mkdtemp( open( openat( creat( opendir( mmap( unlink( rename( remove( mkdir( '
         'stat( lstat( fstat( access( readdir( ftruncate( rmdir(', FILES),
        ('strtod strtof strtold atof atoi( atol( atoll( scanf sscanf fscanf', LOCALE),
        ('malloc( calloc( realloc( free strdup( strndup( aligned_alloc( posix_memalign( asprintf( vasprintf( alloca( reallocarray(',
         MEMORY),
        ('gai_strerror strerror_l', 'speaks the host\'s language: use dli_address_words, dli_fail_errno'),
        ('sprintf vsprintf strcpy strcat gets( strtok(', UNSAFE),
        ('rand( random( drand48( rand_r(', RANDOM),
        ('time( gmtime( localtime( ctime( asctime( clock( strerror( system( popen( fork( vfork( execv( execve( sleep( usleep( nanosleep(',
         TIME),
):
    for name in names.split():
        FORBIDDEN[name.rstrip('(')] = (name.endswith('('), why)

# (name, file or folder/) -> the reason it is right there.
ALLOWED = {
    ('getenv', 'lib/base/cpu.c'): 'DL4C_CPU_MASK, read once',
    ('getenv', 'lib/kernels/gemm_blis.c'): 'BLIS_ARCH_TYPE, which BLIS reads itself: a wrong value would end the process',
    ('getenv', 'lib/transport/tcp_tls.c'): 'names of files with keys, which are no part of a URL that ends up in logs',
    ('getenv', 'lib/fs/webhdfs/environment.c'): 'HADOOP_USER_NAME and other names that Hadoop\'s own tools read',
    ('open', 'lib/base/process.c'): 'kernel files under /proc and /sys are not data',
    ('sscanf', 'lib/base/process.c'): 'integers of kernel files',
    ('kill', 'lib/base/process.c'): 'signal 0 asks whether a process is there',
    ('sscanf', 'lib/base/cores.c'): 'integers of kernel files',
    ('pthread_sigmask', 'lib/base/thread_pool.c'): 'keeps the host\'s signals away from our own threads; the caller\'s mask is put back',
    ('_mm_setcsr', 'lib/base/thread_pool.c'): 'our own threads round as the caller\'s does',
    ('fesetround', 'lib/base/thread_pool.c'): 'our own threads round as the caller\'s does',
    ('printf', 'lib/base/error.h'): 'names a format attribute',
    ('strtod', 'lib/base/number.c'): 'the one place that reads floating point',
    ('posix_memalign', 'lib/base/context.c'): 'the C library as the default allocator',
    ('free', 'lib/base/context.c'): 'the C library as the default allocator',
    ('%', 'lib/base/number.c'): 'the one place that prints floating point',
}
FS = 'lib/fs/'
CALLS = re.compile(r'(?<![\w.])(?<!->)([A-Za-z_]\w*)\b(\s*\()?')
FLOATS = re.compile(r'%[-+ #0\']*[\d*]*(?:\.[\d*]*)?L?[aAeEfFgG](?![\w])')
NUMBERS = re.compile(r'\b(DLI_NUM|dli_number|dli_strbuf_num)\s*\(')


def float_formats(report, path, text, used):
    """Floating-point conversions are right only as the format of dli_number and dli_strbuf_num."""
    code, strings = split(text)
    for line, literal in strings:
        if not FLOATS.search(literal.replace('%%', '')):
            continue
        near = '\n'.join(code.split('\n')[max(0, line - 3):line])
        if NUMBERS.search(near):
            continue
        if ('%', path) in ALLOWED:
            used.add(('%', path))
            continue
        report(path, line, '"%s" prints a fraction in the host\'s locale: %%s with DLI_NUM(x), or dli_strbuf_num, is wanted' % literal)


def main():
    root = sys.argv[1]
    report = Report('tokens')
    used = set()
    for path in tracked(root):
        if not path.startswith('lib/') or not path.endswith(CODE):
            continue
        report.checked += 1
        text = read(root, path)
        code = split(text)[0]
        code = re.sub(r'^[ \t]*#[ \t]*include.*$', '', code, flags=re.M)
        for match in CALLS.finditer(code):
            name = match.group(1)
            if name not in FORBIDDEN:
                continue
            only_call, why = FORBIDDEN[name]
            if only_call and not match.group(2):
                continue
            if only_call and code[:match.start()].rstrip().endswith('(*'):
                continue                        # a member of a vtable: dl4c_status (*open)(...)
            if why is FILES and path.startswith(FS):
                continue
            if (name, path) in ALLOWED:
                used.add((name, path))
                continue
            report(path, code.count('\n', 0, match.start()) + 1, '%s: %s' % (name, why))
        float_formats(report, path, text, used)
    for name, path in sorted(set(ALLOWED) - used):
        report('tests/lint/tokens.py', 1, '%s is allowed in %s but not used there: drop the exception' % (name, path))
    report.done('files')


main()
