"""Cases for boto3 on the emulator; each names the AWS page that says so."""
