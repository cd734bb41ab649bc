"""Small still pictures of videos and images, made by ffmpeg where it is installed, and the folder they are kept in."""
