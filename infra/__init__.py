"""What a deployment consists of, and the commands for those who run one."""
