/* The protocol between the agent and a pod's supervisor (knarr-shim): one SOCK_SEQPACKET Unix socket a pod,
 * <pod run dir>/shim.sock; each packet is one JSON object, at most SHIM_PACKET_MAX bytes; descriptors by SCM_RIGHTS.
 *
 * Requests carry "id" (echoed) and "op"; an answer is {"id":N} plus results, or {"id":N,"error":"text","code":errno}.
 *
 *   create  container, bundle, log (path of the CRI log, "" for none), tty, stdin    -> pid, started (ns since epoch, 0)
 *           makes the container from bundle/config.json, not started yet
 *   start   container                                                                 -> started
 *   signal  container, signal, all                                                    -> {}   (-ESRCH when it is gone)
 *   remove  container           (kills what is left; removes cgroup and runtime state; bundle stays the agent's) -> {}
 *   exec    container, exec, process (OCI process object in file "process"), tty; 1 descriptor with tty (the pty is
 *           made by the shim: it sends the master back) or 3 descriptors stdin, stdout, stderr                  -> pid
 *   attach  container; 3 descriptors: stdin (or /dev/null), stdout, stderr: output is copied to them from now on -> {}
 *   resize  container, exec ("" for the container's own tty), width, height            -> {}
 *   reopen  container                                                                 -> {}   (log rotation)
 *   state                                                                             -> containers: [{container, state,
 *           pid, exit_code, signal, oom, created, started, finished}]
 *   shutdown   kills every container, removes them and exits                          -> {}
 *
 * Events, to every connection: {"event":"exit","container":C,"exec":E or "","exit_code":N,"signal":N,"oom":bool,
 * "finished":ns}. The exit of a container is also written to <bundle>/exit.json (the same object) before the event, so
 * that nothing is lost when no agent listens or the shim itself dies. */
#ifndef KNARR_AGENT_SHIM_SHIM_PROTO_H
#define KNARR_AGENT_SHIM_SHIM_PROTO_H

#define SHIM_PACKET_MAX 65536
#define SHIM_SOCKET_NAME "shim.sock"
#define SHIM_PID_NAME "shim.pid"
#define SHIM_EXIT_NAME "exit.json"
#define SHIM_STDOUT 1
#define SHIM_STDERR 2

#endif
