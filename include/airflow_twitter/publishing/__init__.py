"""Publishing posts: checks of text and video, what was sent so far, and the record of what was posted.

Knows no Airflow. What it says to X goes through a client that is given to it.
"""
