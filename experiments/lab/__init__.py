"""What stands behind `crmlab.lab`: experiments from objects, answers as tables and figures."""
