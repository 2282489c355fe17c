/* The form of a backup, which backup and restore share: a tar archive of "knarr-backup.json", the store ("state.db" or
 * "etcd.snapshot") and the certificates below "pki/". */
#ifndef KNARR_CLI_BACKUP_H
#define KNARR_CLI_BACKUP_H

#define BACKUP_ABOUT "knarr-backup.json"
#define BACKUP_DATABASE "state.db"
#define BACKUP_SNAPSHOT "etcd.snapshot"
#define BACKUP_PKI "pki"
#define BACKUP_FORMAT 1

#endif
