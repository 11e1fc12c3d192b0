def answer(numbers):
    return numbers.drop_duplicates()
