"""Where learners fetch and submit; the same file serves the teacher."""

c = get_config()
c.CourseDirectory.course_id = "twoviews"
c.Exchange.root = "/srv/twoviews/exchange"
