package io.petrel.topologies.bench;

import java.util.ArrayList;
import java.util.List;

/** What users put into a tuple: an object that the topology registers with Kryo. */
public final class Order {
    private long number;
    private String customer;
    private double price;
    private ArrayList<Integer> articles;  // a class that Storm registers

    private Order() {
    }

    Order(long number, String customer) {
        this.number = number;
        this.customer = customer;
        price = number % 10_000 / 100.0;
        articles = new ArrayList<>(List.of((int) number, (int) (number >>> 3), 7, 42));
    }

    /** Touches every field, so that nothing of it may be left out. */
    long digest() {
        return number + customer.length() + (long) price + articles.get(articles.size() - 1);
    }
}
