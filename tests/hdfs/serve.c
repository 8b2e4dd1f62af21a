/* SPDX-License-Identifier: Apache-2.0 */
/* The servers of fake.c for other programs: prints the NameNode's port and serves until standard input ends. */
#include "fake.h"

#include <stdio.h>

int main(void)
{
    static struct fake fake;
    const int namenode = fake_start(&fake, FAKE_NAMENODE);
    fake_start(&fake, FAKE_DATANODE);
    fake_start(&fake, FAKE_DATANODE);
    printf("%d\n", fake.server[namenode].port);
    fflush(stdout);
    while (getchar() != EOF)
        ;
    fake_stop(&fake);
    return 0;
}
