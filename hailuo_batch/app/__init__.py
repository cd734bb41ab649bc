"""The use cases that commands share: workspace, configuration, ledger access, plan files, the run of a campaign."""
