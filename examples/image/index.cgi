#!/bin/sh
# Answers with the name of the pod that serves, and the greeting that a ConfigMap may have put into a file.
printf 'Content-Type: text/plain\r\n\r\n'
greeting=$(cat /etc/greeting/text 2>/dev/null || echo hello)
echo "$greeting from $(hostname)"
