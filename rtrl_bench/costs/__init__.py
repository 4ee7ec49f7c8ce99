"""What a gradient method costs, by formula: numbers carried, operations, and where one method overtakes another."""
