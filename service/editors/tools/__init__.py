"""What the editor may look at beside a headline, where its owner lets it: the article, the last days, the weather."""
