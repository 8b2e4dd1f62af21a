/* SPDX-License-Identifier: Apache-2.0 */
/* The servers of fake.c for other programs: prints the NameNode's port and serves until standard input ends; then how many files were sent
 * at once at most. Usage: hdfs_serve [MILLISECONDS that each takes] */
#include "fake.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    static struct fake fake;
    fake.delay_ms = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 0;
    const int namenode = fake_start(&fake, FAKE_NAMENODE);
    fake_start(&fake, FAKE_DATANODE);
    fake_start(&fake, FAKE_DATANODE);
    printf("%d\n", fake.server[namenode].port);
    fflush(stdout);
    while (getchar() != EOF)
        ;
    pthread_mutex_lock(&fake.lock);
    const int most = fake.most_reading;
    pthread_mutex_unlock(&fake.lock);
    printf("%d\n", most);
    fake_stop(&fake);
    return 0;
}
