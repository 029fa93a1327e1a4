"""The commands of `crmlab`, one file per thing they are about. Nothing heavy is imported before a command runs."""
