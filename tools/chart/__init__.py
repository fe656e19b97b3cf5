"""What of the chart is made from elsewhere: copies of crds/, and README.md from the comments in values.yaml."""
